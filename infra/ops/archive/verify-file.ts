import type { ArchivedOrder } from '../../../shared/domain/archived-order.ts'
import { readManifest, type Manifest } from './manifest.ts'
import { DamagedArchiveError, hashOfFile, NO_FIGURES, readOrders, withOrder, type Figures } from './order-lines.ts'

export interface VerifiedFile {
  readonly orders: number
  /** A file without a manifest was verified by its own checksum and by the schema of its orders. */
  readonly hasManifest: boolean
}

/**
 * Reads the whole file, and compares its hash and the figures about its orders with its manifest. If the manifest is
 * missing, the checksum at the end of the file proves that no byte was changed or lost, and no order is missing,
 * because a file gets its name only once it is complete. Throws `DamagedArchiveError` if anything differs. `onOrder` is
 * called for each order that is read, even if the file turns out to be damaged further on.
 */
export async function verifyFile(path: string, onOrder?: (order: ArchivedOrder) => void): Promise<VerifiedFile> {
  const manifest = readManifest(path)
  if (manifest !== undefined) await compareHash(path, manifest)
  let figures = NO_FIGURES
  for await (const order of readOrders(path)) {
    figures = withOrder(figures, order)
    onOrder?.(order)
  }
  if (figures.orders === 0) throw new DamagedArchiveError(`${path} contains no orders.`)
  if (manifest !== undefined) compareFigures(path, figures, manifest)
  return { orders: figures.orders, hasManifest: manifest !== undefined }
}

async function compareHash(path: string, { sha256, bytes }: Manifest): Promise<void> {
  const found = await hashOfFile(path)
  if (found.sha256 === sha256 && found.bytes === bytes) return
  const sizes = found.bytes === bytes ? '' : ` It has ${found.bytes} bytes instead of ${bytes}.`
  throw new DamagedArchiveError(`${path} is damaged: its hash differs from the one in its manifest.${sizes}`)
}

/** The file matches its hash, so if a figure differs, the manifest was changed. */
function compareFigures(path: string, found: Figures, manifest: Manifest): void {
  const differences = Object.entries(found).flatMap(([name, value]) => {
    const expected = manifest[name as keyof Figures]
    return value === expected ? [] : [`${name} is ${value}, not ${expected}`]
  })
  if (differences.length === 0) return
  throw new DamagedArchiveError(`The orders in ${path} do not match its manifest: ${differences.join('; ')}.`)
}
