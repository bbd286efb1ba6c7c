import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { asRoot } from './thin-disk.ts'

/** A disk that is full until the test frees space. */
export interface FullDisk extends Disposable {
  readonly path: string
  /** The command prefix for a program that starts while the disk is full. */
  readonly prefix: () => readonly string[]
  fill(): void
  /**
   * Makes space available again. Pass the pid of a program that was started while the disk was full; otherwise the
   * program may still be unable to write.
   */
  free(pid?: number): void
}

/** A tmpfs and a file that fills it. Needs root. */
export function createSmallDisk(sizeMiB = 48): FullDisk {
  const path = mkdtempSync(join(tmpdir(), 'small-disk-'))
  const ballast = join(path, 'ballast')
  asRoot('mount', '-t', 'tmpfs', '-o', `size=${sizeMiB}m,uid=${userInfo().uid}`, 'tmpfs', path)
  return {
    path,
    prefix: () => [],
    fill() {
      const descriptor = openSync(ballast, 'w')
      const page = Buffer.alloc(4096)
      try {
        for (;;) writeSync(descriptor, page)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      } finally {
        closeSync(descriptor)
      }
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]() {
      asRoot('umount', path)
      rmSync(path, { recursive: true })
    },
  }
}

/** Works without root, because it only limits file sizes, which makes the kernel refuse every write. */
export function createLimitedFiles(): FullDisk {
  const path = mkdtempSync(join(tmpdir(), 'limited-files-'))
  let isFull = false
  return {
    path,
    prefix: () => (isFull ? ['sh', '-c', 'ulimit -S -f 0 && exec "$@"', 'sh'] : []),
    fill: () => void (isFull = true),
    free(pid) {
      isFull = false
      if (pid === undefined) return
      const { status } = spawnSync('prlimit', [`--pid=${pid}`, '--fsize=unlimited:'])
      if (status !== 0) throw new Error('The limit could not be lifted.')
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  }
}
