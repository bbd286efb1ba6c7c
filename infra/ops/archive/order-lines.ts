import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { isFileError } from '../file-error.ts'
import { archivedOrderSchema, type ArchivedOrder } from '../../../shared/domain/archived-order.ts'

/**
 * A file of an archive is damaged or cannot be read, or a newer version wrote it. The message is written for operators.
 */
export class DamagedArchiveError extends Error {
  override readonly name = 'DamagedArchiveError'
}

/** The figures for a file's orders, as its manifest states them. */
export interface Figures {
  readonly orders: number
  readonly changes: number
  readonly historyEntries: number
  /** The acceptance times of the earliest and the latest order. Both are empty if there are no orders. */
  readonly firstAcceptedAt: string
  readonly lastAcceptedAt: string
}

export const NO_FIGURES: Figures = {
  orders: 0,
  changes: 0,
  historyEntries: 0,
  firstAcceptedAt: '',
  lastAcceptedAt: '',
}

export function withOrder(figures: Figures, { acceptedAt, changes, history }: ArchivedOrder): Figures {
  const { firstAcceptedAt, lastAcceptedAt } = figures
  return {
    orders: figures.orders + 1,
    changes: figures.changes + changes.length,
    historyEntries: figures.historyEntries + history.length,
    firstAcceptedAt: firstAcceptedAt === '' || acceptedAt < firstAcceptedAt ? acceptedAt : firstAcceptedAt,
    lastAcceptedAt: acceptedAt > lastAcceptedAt ? acceptedAt : lastAcceptedAt,
  }
}

/** The orders in a file. Throws `DamagedArchiveError` for a line that is not an order. */
export async function* readOrders(path: string): AsyncGenerator<ArchivedOrder> {
  for await (const line of readLines(path)) {
    const parsed = archivedOrderSchema.safeParse(parseJson(line))
    if (!parsed.success) throw new DamagedArchiveError(`${path} contains a line that is not an order.`)
    yield parsed.data
  }
}

/**
 * The lines of a file. Does not use `readline`, because `readline` also ends lines at U+2028, which an order's text
 * may contain. Throws `DamagedArchiveError` if the file does not match the checksum at its end, is cut off, or is not
 * text.
 */
export async function* readLines(path: string): AsyncGenerator<string> {
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
    rest += decoder.decode()
  } catch (error) {
    throw asDamage(path, error)
  } finally {
    source.destroy()
  }
  if (rest !== '') throw new DamagedArchiveError(`${path} ends in the middle of a line.`)
}

export async function hashOfFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const sha256 = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      sha256.update(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    throw asDamage(path, error)
  }
  return { sha256: sha256.digest('hex'), bytes }
}

/** Undefined if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Errors from zlib have codes such as Z_DATA_ERROR and Z_BUF_ERROR. Errors from the file system name the system call
 * that failed.
 */
function asDamage(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  const isDamage = code?.startsWith('Z_') === true || code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
  if (isFileError(error)) return new DamagedArchiveError(`${path} cannot be read: ${message}`, { cause: error })
  return isDamage ? new DamagedArchiveError(`${path} is damaged: ${message}.`, { cause: error }) : error
}
