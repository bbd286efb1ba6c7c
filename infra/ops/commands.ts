import type { Command } from './command.ts'
import { archive } from './commands/archive.ts'
import { restoreArchive } from './commands/archive-restore.ts'
import { audit } from './commands/audit.ts'
import { backup } from './commands/backup.ts'
import {
  deadLetterGroups,
  editDeadLetter,
  exportDeadLetter,
  listDeadLetters,
  restoreDeadLetter,
  showDeadLetter,
} from './commands/dead-letters.ts'
import { discardDeadLetters } from './commands/discard.ts'
import { discardChange, getOrder, listOrders, orderChanges, orderHistory, searchOrders } from './commands/orders.ts'
import { cancelRedrive, listRedrives, redriveDeadLetters, resumeRedrive, showRedrive } from './commands/redrive.ts'
import { doctor } from './commands/doctor.ts'
import { forget } from './commands/forget.ts'
import { forgetGroup } from './commands/log/forget-group.ts'
import { migrate } from './commands/migrate.ts'
import { rebuild } from './commands/rebuild.ts'
import { replayFixture } from './commands/replay-fixture.ts'
import { takeOut } from './commands/log/take-out.ts'
import { ledger, repairLedger, resetLedger, status, storage } from './commands/status.ts'

/** Every command, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  status,
  storage,
  ledger,
  repairLedger,
  resetLedger,
  takeOut,
  forgetGroup,
  doctor,
  getOrder,
  listOrders,
  searchOrders,
  orderHistory,
  orderChanges,
  discardChange,
  listDeadLetters,
  deadLetterGroups,
  showDeadLetter,
  redriveDeadLetters,
  editDeadLetter,
  discardDeadLetters,
  restoreDeadLetter,
  exportDeadLetter,
  listRedrives,
  showRedrive,
  cancelRedrive,
  resumeRedrive,
  forget,
  audit,
  replayFixture,
  rebuild,
  migrate,
  backup,
  archive,
  restoreArchive,
]

/**
 * Finds the command whose name is at the start of the command line. If several match, the one with the longest name is
 * used. `rest` contains the words after the name.
 */
export function findCommand(words: readonly string[]): { command: Command; rest: string[] } | undefined {
  const longestFirst = COMMANDS.toSorted((one, other) => other.name.length - one.name.length)
  for (const command of longestFirst) {
    const name = command.name.split(' ')
    if (name.every((word, index) => words[index] === word)) return { command, rest: words.slice(name.length) }
  }
  return undefined
}
