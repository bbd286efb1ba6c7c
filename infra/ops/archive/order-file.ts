import { createHash, hash } from 'node:crypto'
import { createReadStream, createWriteStream, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { z } from 'zod'
import {
  ARCHIVE_SCHEMA_VERSION,
  archivedOrderSchema,
  type ArchivedOrder,
} from '../../../shared/domain/archived-order.ts'
import { messageOf } from '../../../shared/domain/errors.ts'
import { flushDirectory } from '../../../shared/disk/flush.ts'
import { compareWithDisk } from '../../../shared/disk/past-cache.ts'
import type { ExportedOrder, OrderToArchive } from '../../../shared/ports/archive.ts'
import { MANIFEST_SUFFIX, ORDERS_SUFFIX } from './directory.ts'

/** The description of a file of orders, kept beside that file as JSON. */
export type Manifest = z.output<typeof manifestSchema>

/** A file of an archive is damaged, or a newer version wrote it. The message is for people. */
export class DamagedArchiveError extends Error {
  override readonly name = 'DamagedArchiveError'
}

const count = z.int().min(0)
const manifestSchema = z.object({
  /** The version of the documents in the file (archived-order.ts). */
  schema: count,
  /** The version of the product that wrote the file. */
  product: z.string(),
  writtenAt: z.string(),
  before: z.string(),
  file: z.string(),
  bytes: count,
  sha256: z.string(),
  orders: count,
  changes: count,
  historyEntries: count,
  /** The acceptance times of the earliest and the latest order. */
  firstAcceptedAt: z.string(),
  lastAcceptedAt: z.string(),
})

type Origin = Pick<Manifest, 'product' | 'before'>

/**
 * Writes the orders to a file, one JSON document per line, and then writes the manifest of that file. Resolves once
 * both are durable, have been read back, and match the hashes of the orders. Resolves with undefined if there are no
 * orders. If the file cannot be written or reads back differently, rejects and leaves no file. A file without a
 * manifest is not part of the archive.
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
    await writeManifest(manifestOf(path), manifest)
    return { manifest, orders: written }
  } catch (error) {
    // The store still has all of these orders, so the files are not needed.
    for (const left of [partial, manifestOf(path), path]) await rm(left, { force: true })
    throw error
  }
}

/** The manifest of a file. Throws `DamagedArchiveError` if the manifest is missing or this version cannot read it. */
export function readManifest(path: string): Manifest {
  const file = manifestOf(path)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new DamagedArchiveError(`${path} has no manifest: ${messageOf(error)}`, { cause: error })
  }
  const parsed = manifestSchema.safeParse(jsonOf(text))
  if (!parsed.success) throw new DamagedArchiveError(`${file} is not the manifest of an archive.`)
  if (parsed.data.schema <= ARCHIVE_SCHEMA_VERSION) return parsed.data
  throw new DamagedArchiveError(`${path} was written by version ${parsed.data.product}, which is newer than this one.`)
}

/** Throws `DamagedArchiveError` unless the file has exactly the bytes that were verified when it was written. */
export async function verifyFile(path: string, { sha256, bytes }: Manifest): Promise<void> {
  const found = await hashOfFile(path)
  if (found.sha256 === sha256 && found.bytes === bytes) return
  const sizes = found.bytes === bytes ? '' : ` It has ${found.bytes} bytes instead of ${bytes}.`
  throw new DamagedArchiveError(`${path} is damaged: its hash is not the one in its manifest.${sizes}`)
}

/** Reads the orders of a verified file. */
export async function* readOrders(path: string): AsyncGenerator<ArchivedOrder> {
  for await (const line of linesIn(path)) {
    const parsed = archivedOrderSchema.safeParse(jsonOf(line))
    if (!parsed.success) throw new DamagedArchiveError(`${path} holds a line that is not an order.`)
    yield parsed.data
  }
}

async function* linesOf(orders: AsyncIterable<ExportedOrder>, written: OrderToArchive[]): AsyncGenerator<string> {
  for await (const { orderId, hash: exported, order } of orders) {
    const json = JSON.stringify(order)
    // The instance computed the hash from its own JSON. Without this check, a difference would look like a disk error
    // when the file is read back.
    if (hash('sha256', json) !== exported) throw new Error(`Order ${orderId} did not arrive as it was exported.`)
    written.push({ orderId, hash: exported })
    yield `${json}\n`
  }
}

/** Returns the figures of a file that has exactly these orders. Throws if the file has anything else. */
async function readBack(path: string, written: readonly OrderToArchive[]) {
  // After this check, reading through the cache returns the same bytes as the disk.
  compareWithDisk(path)
  const figures = { orders: 0, changes: 0, historyEntries: 0, firstAcceptedAt: '', lastAcceptedAt: '' }
  for await (const line of linesIn(path)) {
    const { changes, history, acceptedAt } = archivedOrderSchema.parse(JSON.parse(line))
    if (hash('sha256', line) !== written[figures.orders]?.hash)
      throw new Error(`${path} reads differently than written.`)
    figures.orders += 1
    figures.changes += changes.length
    figures.historyEntries += history.length
    if (figures.firstAcceptedAt === '' || acceptedAt < figures.firstAcceptedAt) figures.firstAcceptedAt = acceptedAt
    if (acceptedAt > figures.lastAcceptedAt) figures.lastAcceptedAt = acceptedAt
  }
  if (figures.orders !== written.length) throw new Error(`${path} has ${figures.orders} orders, not ${written.length}.`)
  return { ...(await hashOfFile(path)), ...figures }
}

async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const partial = `${path}.partial`
  try {
    writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
    await flushFile(partial)
    compareWithDisk(partial)
    renameSync(partial, path)
    flushDirectory(dirname(path))
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

async function flushFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

async function hashOfFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const sha256 = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    sha256.update(chunk)
    bytes += chunk.length
  }
  return { sha256: sha256.digest('hex'), bytes }
}

/** Does not use `readline`, because `readline` also ends lines at U+2028, which an order's texts may contain. */
async function* linesIn(path: string): AsyncGenerator<string> {
  const source = createReadStream(path)
  const unpacked = createGunzip()
  // `pipe` does not forward errors.
  source.once('error', (error) => unpacked.destroy(error))
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  try {
    for await (const chunk of source.pipe(unpacked) as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest + decoder.decode() !== '') throw new DamagedArchiveError(`${path} ends within a line.`)
  } finally {
    source.destroy()
  }
}

function manifestOf(path: string): string {
  return path.slice(0, -ORDERS_SUFFIX.length) + MANIFEST_SUFFIX
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
