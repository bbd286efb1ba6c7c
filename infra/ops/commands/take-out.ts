import type { TakenOut } from '../../../shared/application/dead-letters/take-out.ts'
import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import { EXIT, REASON, required, text, UsageError, type Command } from '../command.ts'

export const takeOut: Command = {
  name: 'take-out',
  usage: '<topic:partition:offset> --reason <text>',
  summary: 'makes a dead letter of a record that its consumer cannot get past; nobody may be consuming its topic',
  examples: ['take-out orders:5:3 --reason "Its timestamp ends the trigger."'],
  takes: 1,
  options: REASON,
  async run(context) {
    const record = required(context, 0, 'The record')
    const reason = text(context, 'reason')
    if (reason === undefined) throw new UsageError('--reason is missing.')
    const answer = await context.client.request('POST', '/api/ops/take-out', { record, reason })
    const { letterId, group, processed, ledger } = answer as TakenOut & { ledger: LedgerVerdict }
    if (context.json) {
      context.print(JSON.stringify(answer))
    } else {
      const before = processed === 0 ? '' : ` ${processed} records that waited before it were processed.`
      context.print(`${record} is the dead letter ${letterId} now, and ${group} goes on behind it.${before}`)
      context.print(ledger.summary)
    }
    return ledger.balanced ? EXIT.ok : EXIT.notWell
  },
}
