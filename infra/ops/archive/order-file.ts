import { hash } from 'node:crypto'
import { createWriteStream, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { ARCHIVE_SCHEMA_VERSION, archivedOrderSchema } from '../../../shared/domain/archived-order.ts'
import { flushFile } from '../../../shared/disk/flush.ts'
import { compareWithDisk } from '../../../shared/disk/past-cache.ts'
import type { ExportedOrder, OrderToArchive } from '../../../shared/ports/archive.ts'
import { ORDERS_SUFFIX } from './directory.ts'
import { manifestOf, writeManifest, type Manifest } from './manifest.ts'
import { DamagedArchiveError, hashOfFile, NO_FIGURES, readLines, withOrder } from './order-lines.ts'

type Origin = Pick<Manifest, 'product' | 'before'>

/**
 * Writes the orders to a file, one JSON document per line, and then writes the manifest of that file. Resolves once
 * both are durable, have been read back, and match the hashes of the orders. Resolves with undefined if there are no
 * orders. If the file cannot be written or reads back differently, rejects and leaves no file.
 */
export async function writeOrders(
  directory: string,
  name: string,
  orders: AsyncIterable<ExportedOrder>,
  origin: Origin,
): Promise<{ readonly manifest: Manifest; readonly orders: readonly OrderToArchive[] } | undefined> {
  const path = join(directory, name + ORDERS_SUFFIX)
  const partial = `${path}.partial`
  const written: OrderToArchive[] = []
  try {
    await pipeline(
      Readable.from(linesOf(orders, written)),
      createGzip(),
      createWriteStream(partial, { flags: 'wx', mode: 0o600 }),
    )
    if (written.length === 0) {
      await rm(partial)
      return undefined
    }
    await flushFile(partial)
    const found = await readBack(partial, written)
    const manifest = {
      schema: ARCHIVE_SCHEMA_VERSION,
      ...origin,
      writtenAt: new Date().toISOString(),
      file: basename(path),
      ...found,
    }
    renameSync(partial, path)
    await writeManifest(path, manifest)
    return { manifest, orders: written }
  } catch (error) {
    // The store still has all of these orders, so the files are not needed.
    for (const left of [partial, manifestOf(path), path]) await rm(left, { force: true })
    throw error
  }
}

async function* linesOf(orders: AsyncIterable<ExportedOrder>, written: OrderToArchive[]): AsyncGenerator<string> {
  for await (const { orderId, hash: exported, order } of orders) {
    const json = JSON.stringify(order)
    // The instance computed the hash from its own JSON. Without this check, a difference would look like a disk error
    // when the file is read back.
    if (hash('sha256', json) !== exported)
      throw new Error(`Order ${orderId} does not match the hash with which it was exported.`)
    written.push({ orderId, hash: exported })
    yield `${json}\n`
  }
}

/** Reads the file back, and returns its hash and its figures. Throws unless the file contains exactly these orders. */
async function readBack(path: string, written: readonly OrderToArchive[]) {
  // After this check, a read through the cache returns the same bytes as a read from the disk.
  compareWithDisk(path)
  let figures = NO_FIGURES
  for await (const line of readLines(path)) {
    if (hash('sha256', line) !== written[figures.orders]?.hash)
      throw new DamagedArchiveError(`${path} does not read back as it was written.`)
    figures = withOrder(figures, archivedOrderSchema.parse(JSON.parse(line)))
  }
  if (figures.orders !== written.length)
    throw new DamagedArchiveError(`${path} contains ${figures.orders} orders, not ${written.length}.`)
  return { ...(await hashOfFile(path)), ...figures }
}
