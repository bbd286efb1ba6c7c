import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isNoRoom } from '../../../shared/disk/no-room.ts'
import { messageOf } from '../../../shared/domain/errors.ts'
import type { ArchiveResult, ExportedOrder, OrderToArchive } from '../../../shared/ports/archive.ts'
import type { Page } from '../../../shared/ports/order-views.ts'
import { archiveDirectory, checkArchiveDirectory, runName } from '../archive/directory.ts'
import { writeOrders } from '../archive/order-file.ts'
import { DamagedArchiveError } from '../archive/order-lines.ts'
import { given, REASON, text, UsageError, type Command, type CommandContext, type Outcome } from '../command.ts'
import { isFileError } from '../file-error.ts'
import { productVersion } from '../product-version.ts'
import { toSecond } from '../table.ts'

/** The maximum number of orders in one file. The store keeps the orders of a file until the file is verified. */
const ORDERS_IN_FILE = 20_000
const LONGEST_PAUSE_MS = 1000
/**
 * The API allows more. A large page delays other requests, because the process is blocked while it writes or reads the
 * page's JSON.
 */
const ORDERS_AT_ONCE = 25
const TELL_EVERY = 200

export const archive: Command = {
  name: 'archive',
  usage: '--before <date> --to <directory>',
  summary:
    'moves old orders from the store to files, with their changes and history; `archive restore` brings them back',
  examples: [
    'archive --before 2019-01-01 --to /mnt/archive/orders --dry-run',
    'archive --before 2019-01-01 --to /mnt/archive/orders --reason "Older than seven years."',
  ],
  options: {
    before: { type: 'string', help: 'orders accepted before this date (UTC) or time (RFC 3339)' },
    to: { type: 'string', help: 'a directory on this machine that is new, empty, or contains an archive' },
    'dry-run': { type: 'boolean', help: 'only counts the orders and checks the directory; writes nothing' },
    ...REASON,
  },
  async run(context) {
    const before = timeOf(text(context, 'before'))
    const to = text(context, 'to')
    if (context.options['dry-run'] === true) {
      if (to !== undefined) checkArchiveDirectory(to)
      return preview(context, before)
    }
    if (to === undefined) throw new UsageError('--to is missing.')
    return carryOut(context, before, archiveDirectory(to))
  },
}

/** The result so far. A run that ends early also reports its result, without the orders of its last request. */
interface Tally {
  orders: number
  changed: number
  files: string[]
}

async function carryOut(context: CommandContext, before: string, directory: string): Promise<Outcome> {
  const tally: Tally = { orders: 0, changed: 0, files: [] }
  const name = runName(new Date(), randomBytes(4).toString('hex'))
  const exported = exportedOrders(context, before)
  const origin = { product: productVersion(), before }
  try {
    for (let part = 1; ; part += 1) {
      const some = atMost(exported, ORDERS_IN_FILE, (count) =>
        context.progress(`${tally.orders} archived, writing ${count} more`),
      )
      const written = await writeOrders(directory, `${name}-${String(part).padStart(4, '0')}`, some, origin)
      if (written === undefined) return outcome(tally, before, directory)
      tally.files.push(written.manifest.file)
      await giveUp(context, written.orders, written.manifest.file, tally)
    }
  } catch (error) {
    if (isNoRoom(error)) {
      const why = `There is no space left in ${directory} (${messageOf(error)}). Free some space, and run the command again.`
      return { ...outcome(tally, before, directory, why), well: false }
    }
    if (isFileError(error) || error instanceof DamagedArchiveError) {
      const why = `A file in ${directory} could not be written (${messageOf(error)}). The orders that were not archived stay in the store.`
      return { ...outcome(tally, before, directory, why), well: false }
    }
    if (tally.files.length === 0 || !(error instanceof Error)) throw error
    const { answer, words } = outcome(tally, before, directory)
    return { answer: { ...answer, why: messageOf(error) }, words, endedBy: error }
  }
}

async function giveUp(
  context: CommandContext,
  orders: readonly OrderToArchive[],
  file: string,
  tally: Tally,
): Promise<void> {
  let archived = 0
  for (let start = 0; start < orders.length; start += ORDERS_AT_ONCE) {
    const some = orders.slice(start, start + ORDERS_AT_ONCE)
    const body = { file, orders: some, continues: archived > 0, ...given(context, 'reason') }
    const result = (await context.client.request('POST', '/api/ops/archive/orders', body)) as ArchiveResult
    archived += result.archived
    tally.orders += result.archived + result.known
    tally.changed += result.changed.length
    context.progress(`${tally.orders} archived`)
  }
}

async function preview(context: CommandContext, before: string): Promise<Outcome> {
  const answer = { dryRun: true, before, orders: 0, changes: 0, bytes: 0, firstAcceptedAt: '', lastAcceptedAt: '' }
  for await (const { order } of exportedOrders(context, before)) {
    const { acceptedAt, changes } = order
    answer.orders += 1
    answer.changes += changes.length
    answer.bytes += Buffer.byteLength(JSON.stringify(order)) + 1
    if (answer.firstAcceptedAt === '' || acceptedAt < answer.firstAcceptedAt) answer.firstAcceptedAt = acceptedAt
    if (acceptedAt > answer.lastAcceptedAt) answer.lastAcceptedAt = acceptedAt
    if (answer.orders % TELL_EVERY === 0) context.progress(`${answer.orders} orders so far`)
  }
  if (answer.orders === 0) return { answer, words: `No order accepted before ${before} can be archived.` }
  const span = `accepted from ${toSecond(answer.firstAcceptedAt)} to ${toSecond(answer.lastAcceptedAt)}`
  const size = `${(answer.bytes / 1024 ** 2).toFixed(1)} MiB before compression`
  return { answer, words: `${orders(answer.orders)} would be archived, ${span}: ${size}.` }
}

async function* exportedOrders({ client }: CommandContext, before: string): AsyncGenerator<ExportedOrder, void> {
  let cursor: string | null = ''
  while (cursor !== null) {
    const began = performance.now()
    const query = new URLSearchParams({ before, limit: String(ORDERS_AT_ONCE), ...(cursor !== '' && { cursor }) })
    const page = (await client.request('GET', `/api/ops/archive/orders?${query.toString()}`)) as Page<ExportedOrder>
    const took = performance.now() - began
    yield* page.items
    cursor = page.nextCursor
    // Each page costs the instance CPU time. The pause leaves at least half of the time for the instance's other work,
    // unless a page takes longer than the longest pause.
    await sleep(Math.min(took, LONGEST_PAUSE_MS))
  }
}

/** Yields up to `most` items. Does not end the generator `all`, so the next file gets the items that follow. */
async function* atMost<T>(
  all: AsyncGenerator<T, void>,
  most: number,
  tell: (count: number) => void,
): AsyncGenerator<T, void> {
  for (let count = 0; count < most; count += 1) {
    const next = await all.next()
    if (next.done === true) return
    if (count % TELL_EVERY === 0) tell(count)
    yield next.value
  }
}

function outcome(tally: Tally, before: string, directory: string, why: string | null = null) {
  const { orders: count, changed, files } = tally
  const answer = { dryRun: false, before, directory, orders: count, changed, files, why }
  const stay = changed === 0 ? '' : ` ${orders(changed)} changed in the meantime and stay in the store.`
  const done = `${orders(count)} archived in ${files.length} ${files.length === 1 ? 'file' : 'files'} in ${directory}.`
  const nothing = `No order from before ${before} can be archived.`
  return {
    answer,
    words: [files.length === 0 ? (why === null ? nothing : '') : done + stay, why ?? ''].join(' ').trim(),
  }
}

/**
 * The time in RFC 3339 format, in UTC. A date without a time stands for the beginning of that day. Throws `UsageError`
 * for anything else, and for a time in the future.
 */
function timeOf(before: string | undefined): string {
  if (before === undefined) throw new UsageError('--before is missing.')
  const isTime = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(before)
  const at = isTime ? Date.parse(before) : Number.NaN
  // Date.parse accepts 2026-02-30 and returns March 2.
  const isReal = !Number.isNaN(at) && isDay(before.slice(0, 10))
  if (!isReal) {
    throw new UsageError(
      `${JSON.stringify(before)} is not a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z.`,
    )
  }
  if (at > Date.now()) throw new UsageError(`${before} is in the future.`)
  return new Date(at).toISOString()
}

function isDay(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date)
}

function orders(count: number): string {
  return `${count} ${count === 1 ? 'order' : 'orders'}`
}
