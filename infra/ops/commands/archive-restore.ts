import { basename } from 'node:path'
import type { ArchivedOrder } from '../../../shared/domain/archived-order.ts'
import { messageOf } from '../../../shared/domain/errors.ts'
import { parseOrderId } from '../../../shared/domain/order-id.ts'
import { MAX_ARCHIVED_BYTES, type RestoreResult } from '../../../shared/ports/archive.ts'
import { orderFilesAt } from '../archive/directory.ts'
import { DamagedArchiveError, readOrders } from '../archive/order-lines.ts'
import { verifyFile } from '../archive/verify-file.ts'
import {
  given,
  REASON,
  required,
  text,
  UsageError,
  type Command,
  type CommandContext,
  type Outcome,
} from '../command.ts'

/** The maximum number of orders in one request. A request contains fewer if the orders are long. */
const ORDERS_AT_ONCE = 200

export const restoreArchive: Command = {
  name: 'archive restore',
  usage: '<file or directory> [--order <id>]',
  takes: 1,
  summary: 'returns archived orders to the store: all from a file or directory, or a single one',
  examples: [
    'archive restore /mnt/archive/orders --order 019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2',
    'archive restore /mnt/archive/orders/orders-20260101T020000Z-3f9a1c07-0001.ndjson.gz --reason "An audit."',
  ],
  options: { order: { type: 'string', help: 'the id of one order' }, ...REASON },
  async run(context) {
    const orderId = orderIdIn(context)
    const files = orderFilesAt(required(context, 0, 'The file or directory'))
    const tally: Tally = { restored: 0, known: 0, damages: [], unlisted: [] }
    try {
      if (orderId !== undefined) return await restoreOne(context, files, orderId, tally)
      for (const file of files) await noting(tally, () => restoreFile(context, file, tally))
    } catch (error) {
      if (tally.restored + tally.known === 0 || !(error instanceof Error)) throw error
      const { answer, words } = outcome(tally)
      return { answer: { ...answer, why: [answer.why, messageOf(error)].join(' ').trim() }, words, endedBy: error }
    }
    return { ...outcome(tally), well: tally.damages.length === 0 }
  },
}

/** The result so far. A run that ends early reports its result too, without the orders of its last request. */
interface Tally {
  restored: number
  known: number
  readonly damages: string[]
  /** Files that were verified without a manifest. */
  readonly unlisted: string[]
}

function orderIdIn(context: CommandContext): string | undefined {
  const given = text(context, 'order')
  if (given === undefined) return undefined
  const orderId = parseOrderId(given)
  if (orderId === undefined) throw new UsageError(`--order ${JSON.stringify(given)} is not an order id.`)
  return orderId
}

/** Notes a damaged file instead of failing, so that the other files are still restored. */
async function noting<T>({ damages }: Tally, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof DamagedArchiveError)) throw error
    damages.push(error.message)
    return undefined
  }
}

/** Verifies the whole file before restoring any of its orders. */
async function restoreFile(context: CommandContext, file: string, tally: Tally): Promise<void> {
  const orders = await verified(context, file, tally)
  let done = 0
  let restored = 0
  for await (const some of batchesOf(readOrders(file))) {
    restored += await send(context, some, basename(file), tally, restored > 0)
    done += some.length
    context.progress(`${basename(file)}: ${done} of ${orders} orders`)
  }
}

async function restoreOne(
  context: CommandContext,
  files: readonly string[],
  orderId: string,
  tally: Tally,
): Promise<Outcome> {
  // Several files may contain the order. The newest of these files has the order's latest state.
  for (const file of files) {
    const order = await noting(tally, () => findOrder(context, file, orderId, tally))
    if (order === undefined) continue
    await send(context, [order], orderId, tally, false)
    return outcome(tally)
  }
  const { damages } = tally
  const where = files.length === 1 ? files[0] : `None of the ${files.length} files`
  const missing = damages.length === files.length ? [] : [`${where} has no order ${orderId}.`]
  return { ...outcome({ ...tally, damages: [...missing, ...damages] }), well: false }
}

async function findOrder(
  context: CommandContext,
  file: string,
  orderId: string,
  tally: Tally,
): Promise<ArchivedOrder | undefined> {
  let found: ArchivedOrder | undefined
  await verified(context, file, tally, (order) => {
    if (order.orderId === orderId) found = order
  })
  return found
}

/** Resolves with the number of orders in the file. */
async function verified(
  context: CommandContext,
  file: string,
  tally: Tally,
  onOrder?: (order: ArchivedOrder) => void,
): Promise<number> {
  context.progress(`verifying ${basename(file)}`)
  const { orders, hasManifest } = await verifyFile(file, onOrder)
  if (!hasManifest) tally.unlisted.push(`${file} has no manifest, but its checksum is correct.`)
  return orders
}

/** Resolves with the number of orders that this request restored. */
async function send(
  context: CommandContext,
  orders: readonly ArchivedOrder[],
  source: string,
  tally: Tally,
  continues: boolean,
): Promise<number> {
  const body = { source, orders, continues, ...given(context, 'reason') }
  const { restored, known } = (await context.client.request('POST', '/api/ops/archive/restore', body)) as RestoreResult
  tally.restored += restored
  tally.known += known
  return restored
}

async function* batchesOf(orders: AsyncIterable<ArchivedOrder>): AsyncGenerator<ArchivedOrder[]> {
  let batch: ArchivedOrder[] = []
  let bytes = 0
  for await (const order of orders) {
    const length = Buffer.byteLength(JSON.stringify(order)) + 1
    if (batch.length === ORDERS_AT_ONCE || (batch.length > 0 && bytes + length > MAX_ARCHIVED_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(order)
    bytes += length
  }
  if (batch.length > 0) yield batch
}

function outcome({ restored, known, damages, unlisted }: Tally) {
  const whys = [...damages, ...unlisted]
  const why = whys.length === 0 ? null : whys.join(' ')
  const orders = `${restored} ${restored === 1 ? 'order' : 'orders'} restored`
  const there = known === 0 ? '' : `, ${known} ${known === 1 ? 'was' : 'were'} already in the store`
  return { answer: { restored, known, why }, words: `${orders}${there}.${why === null ? '' : ` ${why}`}` }
}
