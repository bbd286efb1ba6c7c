import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { ARCHIVE_SCHEMA_VERSION } from '../../../shared/domain/archived-order.ts'
import { messageOf } from '../../../shared/domain/errors.ts'
import { flushDirectory, flushFile } from '../../../shared/disk/flush.ts'
import { compareWithDisk } from '../../../shared/disk/past-cache.ts'
import { MANIFEST_SUFFIX, ORDERS_SUFFIX } from './directory.ts'
import { DamagedArchiveError, parseJson } from './order-lines.ts'

/** The description of a file of orders, kept alongside that file as JSON. */
export type Manifest = z.output<typeof manifestSchema>

const count = z.int().min(0)
const manifestSchema = z.object({
  /** The version of the documents in the file (archived-order.ts). */
  schema: z.int().min(1),
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

export function manifestOf(path: string): string {
  return path.slice(0, -ORDERS_SUFFIX.length) + MANIFEST_SUFFIX
}

/**
 * The manifest of a file; undefined if there is none. Throws `DamagedArchiveError` if this version cannot read the
 * manifest.
 */
export function readManifest(path: string): Manifest | undefined {
  const file = manifestOf(path)
  const text = textOf(file)
  if (text === undefined) return undefined
  const parsed = manifestSchema.safeParse(parseJson(text))
  if (!parsed.success) {
    const remedy = 'Restore it from a copy, or delete it: a file without a manifest is verified by its own checksum.'
    throw new DamagedArchiveError(`${file} is not a valid manifest. ${remedy}`)
  }
  if (parsed.data.schema <= ARCHIVE_SCHEMA_VERSION) return parsed.data
  throw new DamagedArchiveError(`${path} was written by version ${parsed.data.product}, which is newer than this one.`)
}

/** Resolves once the manifest is durable and reads back as written. Otherwise rejects and leaves no file behind. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const file = manifestOf(path)
  const partial = `${file}.partial`
  try {
    writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
    await flushFile(partial)
    compareWithDisk(partial)
    renameSync(partial, file)
    flushDirectory(dirname(file))
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new DamagedArchiveError(`${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
