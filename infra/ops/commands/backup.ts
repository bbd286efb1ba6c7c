import { accessSync, constants, existsSync, renameSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Backup } from '../../../shared/application/operations/backups.ts'
import { flushDirectory, flushFiles } from '../../../shared/disk/flush.ts'
import { messageOf } from '../../../shared/domain/errors.ts'
import { given, REASON, text, untilEnded, UsageError, type Command, type CommandContext } from '../command.ts'

export const backup: Command = {
  name: 'backup',
  usage: '[<folder>]',
  summary:
    'copies the embedded log, the store and the secrets while they are in use; the runbook says how to restore them',
  examples: ['backup', 'backup /mnt/backup/orders-monday'],
  takes: 1,
  options: {
    name: { type: 'string', help: 'name of the folder in DATA_DIR/backups (default: the current time)' },
    ...REASON,
  },
  async run(context) {
    const [folder] = context.positionals
    const wanted = folder === undefined ? undefined : whereTo(context, folder)
    const body = given(context, 'name', 'reason')
    const begun = (await context.client.request('POST', '/api/ops/backup', body)) as Backup
    const ended = await untilEnded(
      context,
      begun,
      () => 'copying',
      () => look(context, begun),
    )
    const made = ended.folder !== null && wanted !== undefined ? await moved(ended, ended.folder, wanted) : ended
    return { answer: { backup: made }, words: wordsFor(made), well: made.state === 'done' }
  },
}

/** The checked destination. Throws `UsageError` before anything is copied. */
function whereTo(context: CommandContext, folder: string): string {
  if (text(context, 'url') !== undefined) {
    throw new UsageError('A folder cannot be given with --url: the instance makes the backup in its own DATA_DIR.')
  }
  if (existsSync(folder)) throw new UsageError(`${folder} already exists.`)
  const parent = dirname(resolve(folder))
  try {
    accessSync(parent, constants.W_OK)
  } catch {
    throw new UsageError(`${parent} does not exist, or this user may not write to it.`)
  }
  return resolve(folder)
}

async function look({ client }: CommandContext, begun: Backup): Promise<Backup> {
  const { backup: found } = (await client.request('GET', '/api/ops/backup')) as { backup: Backup | null }
  if (found?.name === begun.name) return found
  return { ...begun, state: 'failed', why: 'The instance was restarted during the backup.' }
}

/** Keeps the original backup until the copy is flushed, because the copy may be on another disk. */
async function moved(made: Backup, from: string, to: string): Promise<Backup> {
  if (!existsSync(from)) {
    return {
      ...made,
      state: 'failed',
      why: `${from} is not on this machine, so the backup was not moved and stays there.`,
    }
  }
  try {
    await move(from, to)
  } catch (error) {
    return {
      ...made,
      state: 'failed',
      why: `The backup could not be moved to ${to} (${messageOf(error)}); it is in ${from}.`,
    }
  }
  return { ...made, folder: to }
}

async function move(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`
  try {
    return renameSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error
  }
  try {
    await cp(from, partial, { recursive: true, errorOnExist: true, force: false, preserveTimestamps: true })
    await flushFiles(partial)
    renameSync(partial, to)
    flushDirectory(dirname(to))
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
  await rm(from, { recursive: true })
}

function wordsFor({ state, folder, bytes, why }: Backup): string {
  if (state !== 'done') return `The backup failed. ${why ?? ''}`.trimEnd()
  return `${((bytes ?? 0) / 1024 ** 2).toFixed(1)} MiB in ${folder}. Start the product with DATA_DIR=${folder} to try it.`
}
