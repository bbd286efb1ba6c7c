import { basename } from 'node:path'
import { MAX_ARCHIVED_BYTES, type ArchivedOrder } from '../../../shared/domain/archived-order.ts'
import type { RestoreResult } from '../../../shared/ports/archive.ts'
import { orderFilesAt } from '../archive/directory.ts'
import { DamagedArchiveError, readManifest, readOrders, verifyFile } from '../archive/order-file.ts'
import { given, REASON, required, text, type Command, type CommandContext, type Outcome } from '../command.ts'

/** The maximum number of orders in one request. A request with long orders has fewer. */
const ORDERS_AT_ONCE = 200

export const restoreArchive: Command = {
  name: 'archive restore',
  usage: '<file or directory> [--order <id>]',
  takes: 1,
  summary: 'takes archived orders back into the store: all of a file or directory, or a single one',
  examples: [
    'archive restore /mnt/archive/orders --order 019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2',
    'archive restore /mnt/archive/orders/orders-20260101T020000Z-3f9a1c07-0001.ndjson.gz --reason "An audit."',
  ],
  options: { order: { type: 'string', help: 'the id of one order' }, ...REASON },
  async run(context) {
    const files = orderFilesAt(required(context, 0, 'The file or directory'))
    const orderId = text(context, 'order')?.toLowerCase()
    if (orderId !== undefined) return restoreOne(context, files, orderId)
    const tally = { restored: 0, known: 0 }
    const damages: string[] = []
    for (const file of files) await noting(damages, () => restoreFile(context, file, tally))
    const all = outcome(tally.restored, tally.known, damages)
    return damages.length === 0 ? all : { ...all, well: false }
  },
}

/**
 * Notes a damaged file, so that the other files are still restored. A file without a manifest, left by a run that was
 * killed, counts as damaged.
 */
async function noting<T>(damages: string[], act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof DamagedArchiveError)) throw error
    damages.push(error.message)
    return undefined
  }
}

/** Verifies the whole file before restoring any of its orders. */
async function restoreFile(context: CommandContext, file: string, tally: RestoreTally): Promise<void> {
  const { orders } = await verified(context, file)
  for await (const some of batchesOf(readOrders(file))) {
    const result = await send(context, some, basename(file))
    tally.restored += result.restored
    tally.known += result.known
    context.progress(`${basename(file)}: ${tally.restored + tally.known} of ${orders} orders`)
  }
}

interface RestoreTally {
  restored: number
  known: number
}

async function restoreOne(context: CommandContext, files: readonly string[], orderId: string): Promise<Outcome> {
  const damages: string[] = []
  // Several files may have the order. The newest one has the order's latest state.
  for (const file of files) {
    const order = await noting(damages, () => findOrder(context, file, orderId))
    if (order === undefined) continue
    const { restored, known } = await send(context, [order], orderId)
    return outcome(restored, known, damages)
  }
  const where = files.length === 1 ? files[0] : `None of the ${files.length} files`
  const missing = damages.length === files.length ? [] : [`${where} has no order ${orderId}.`]
  return { ...outcome(0, 0, [...missing, ...damages]), well: false }
}

async function findOrder(context: CommandContext, file: string, orderId: string): Promise<ArchivedOrder | undefined> {
  await verified(context, file)
  for await (const order of readOrders(file)) if (order.orderId === orderId) return order
  return undefined
}

async function verified(context: CommandContext, file: string) {
  context.progress(`verifying ${basename(file)}`)
  const manifest = readManifest(file)
  await verifyFile(file, manifest)
  return manifest
}

async function send(context: CommandContext, orders: readonly ArchivedOrder[], source: string): Promise<RestoreResult> {
  const body = { source, orders, ...given(context, 'reason') }
  return (await context.client.request('POST', '/api/ops/archive/restore', body)) as RestoreResult
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

function outcome(restored: number, known: number, whys: readonly string[]): Outcome {
  const why = whys.length === 0 ? null : whys.join(' ')
  const orders = `${restored} ${restored === 1 ? 'order' : 'orders'} restored`
  const there = known === 0 ? '' : `, ${known} ${known === 1 ? 'was' : 'were'} in the store already`
  return { answer: { restored, known, why }, words: `${orders}${there}.${why === null ? '' : ` ${why}`}` }
}
