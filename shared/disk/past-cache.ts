import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'

declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

/** A multiple of the block size of any disk. */
const CHUNK_BYTES = 1024 * 1024
const WASM_PAGE_BYTES = 64 * 1024

/**
 * Copies the content that a file has on the disk itself. After a failed flush, the kernel's cache may differ from the
 * disk, because the kernel treats the unwritten pages as written. Direct I/O bypasses the cache. If direct I/O is not
 * available, the copy is made through the cache. The copy is a new file, because pages rewritten in the old file may
 * not reach the disk either (seen on ext4). The copy is flushed, read back from the disk and compared.
 *
 * Synchronous. Throws if reading or writing fails. This process must not have either file open elsewhere, because
 * closing a file releases every lock that the process has on it (https://www.sqlite.org/howtocorrupt.html, section
 * 2.2).
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
  compareWithDisk(to)
}

/** Throws if the file's content on the disk differs from the kernel's cache. */
export function compareWithDisk(path: string): void {
  const onDisk = openDirect(path)
  const cached = openSync(path, constants.O_RDONLY)
  const seen = Buffer.allocUnsafe(CHUNK_BYTES)
  try {
    let at = 0
    for (const chunk of chunksOf(onDisk)) {
      const length = readSync(cached, seen, 0, chunk.length, at)
      if (length !== chunk.length || chunk.compare(seen, 0, length) !== 0) {
        const first = at + chunk.findIndex((byte, index) => byte !== seen[index])
        throw new Error(`${path} is not on the disk as it was written, from byte ${first} on`)
      }
      at += length
    }
  } finally {
    closeSync(cached)
    closeSync(onDisk)
  }
}

/** Opens with O_DIRECT if the platform and the file system support it. */
function openDirect(path: string): number {
  // Some platforms lack the constant O_DIRECT, although its type does not say so.
  const direct = (constants.O_DIRECT as number | undefined) ?? 0
  try {
    return openSync(path, constants.O_RDONLY | direct)
  } catch (error) {
    if (!isInvalid(error)) throw error
    return openSync(path, constants.O_RDONLY)
  }
}

/** Yields the file in chunks. All chunks share memory, so each overwrites the previous one. */
function* chunksOf(descriptor: number): Generator<Buffer> {
  // Direct I/O needs memory that is aligned to blocks. WebAssembly's memory is aligned to pages.
  const chunk = Buffer.from(new WebAssembly.Memory({ initial: CHUNK_BYTES / WASM_PAGE_BYTES }).buffer)
  const { size } = fstatSync(descriptor)
  for (let at = 0; at < size;) {
    // A read may return fewer bytes than requested, even before the end.
    const length = readSync(descriptor, chunk, 0, CHUNK_BYTES, at)
    if (length === 0) throw new Error(`a file of ${size} bytes could be read only up to byte ${at}`)
    yield chunk.subarray(0, length)
    at += length
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
}

function isInvalid(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EINVAL'
}
