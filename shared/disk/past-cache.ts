import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'

declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

/** A multiple of every block size that a disk has. */
const CHUNK_BYTES = 1024 * 1024
const WASM_PAGE_BYTES = 64 * 1024

/**
 * Copies what the disk has of a file, which after a failed flush is not what a program reads: the kernel marks pages as
 * written all the same. Direct I/O passes them by; where there is none, the copy is of what is read. The copy is flushed,
 * in a file of its own, because what is written to the old one again may not reach the disk either (seen on ext4). It is read back from the disk and compared.
 *
 * Synchronous. Throws what reading and writing throw. Nobody may have either file open: closing a file gives away every
 * lock that the process has on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
export function copyFromDisk(from: string, to: string): void {
  const source = openDirect(from)
  const target = openSync(to, 'wx', 0o600)
  try {
    for (const chunk of chunksOf(source)) writeAll(target, chunk)
    fsyncSync(target)
  } finally {
    closeSync(target)
    closeSync(source)
  }
  const at = differenceFromDisk(to)
  if (at !== undefined) throw new Error(`${to} is not on the disk as it was written, from byte ${at} on`)
}

/** Where the disk has another byte than a program reads, if anywhere. */
export function differenceFromDisk(path: string): number | undefined {
  const onDisk = openDirect(path)
  const cached = openSync(path, constants.O_RDONLY)
  const seen = Buffer.allocUnsafe(CHUNK_BYTES)
  try {
    let at = 0
    for (const chunk of chunksOf(onDisk)) {
      const length = readSync(cached, seen, 0, chunk.length, at)
      if (length !== chunk.length || chunk.compare(seen, 0, length) !== 0) return at + firstDifference(chunk, seen)
      at += length
    }
    return undefined
  } finally {
    closeSync(cached)
    closeSync(onDisk)
  }
}

/** Without O_DIRECT where the system or the file system has none. */
function openDirect(path: string): number {
  // Not there on every platform, whatever its type says.
  const direct = (constants.O_DIRECT as number | undefined) ?? 0
  try {
    return openSync(path, constants.O_RDONLY | direct)
  } catch (error) {
    if (!isInvalid(error)) throw error
    return openSync(path, constants.O_RDONLY)
  }
}

/** Each is overwritten by the next. */
function* chunksOf(descriptor: number): Generator<Buffer> {
  // Direct I/O takes memory only where it begins at a block; WebAssembly's begins at a page.
  const chunk = Buffer.from(new WebAssembly.Memory({ initial: CHUNK_BYTES / WASM_PAGE_BYTES }).buffer)
  const { size } = fstatSync(descriptor)
  for (let at = 0; at < size;) {
    // A read may return less than was asked for before the end, too.
    const length = readSync(descriptor, chunk, 0, CHUNK_BYTES, at)
    if (length === 0) throw new Error(`a file of ${size} bytes could be read only up to byte ${at}`)
    yield chunk.subarray(0, length)
    at += length
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
}

function firstDifference(one: Buffer, other: Buffer): number {
  return one.findIndex((byte, at) => byte !== other[at])
}

function isInvalid(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EINVAL'
}
