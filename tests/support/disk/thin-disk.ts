import { execFileSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { basename, join } from 'node:path'

/**
 * A disk that promises more than it has, like a thin volume: ext4 in a sparse image, on a smaller tmpfs. When the tmpfs
 * is full, the kernel's writes fail with EIO long after `write` has succeeded, and only a flush reports it.
 */
export interface ThinDisk extends Disposable {
  /** The mount point. */
  readonly path: string
  /** Makes all the space that the disk promises available. */
  enlarge(): void
  /** Whether the tmpfs is full. Writes then fail. */
  readonly isFull: boolean
  /** Mounts a copy of what the disk holds now, without the kernel's cache, as after a power cut. */
  cutPower(): { readonly path: string } & Disposable
}

/** Mounting needs root, which CI gets through `sudo`; developers are not asked for a password. */
const isRoot = process.getuid?.() === 0
export const canMount = process.platform === 'linux' && (isRoot || (process.env['CI'] !== undefined && hasSudo()))

export function createThinDisk({ hasMiB, promisesMiB }: { hasMiB: number; promisesMiB: number }): ThinDisk {
  const directory = mkdtempSync(join(tmpdir(), 'thin-disk-'))
  const [volume, path] = [join(directory, 'volume'), join(directory, 'disk')]
  const image = join(volume, 'image')
  const mounted: string[] = []
  let copies = 0

  function mount(at: string, ...args: string[]): void {
    mkdirSync(at)
    asRoot('mount', ...args, at)
    mounted.push(at)
    asRoot('chown', String(userInfo().uid), at)
  }

  const mib = (amount: number) => `${amount}m`
  mount(volume, '-t', 'tmpfs', '-o', `size=${mib(hasMiB)}`, 'tmpfs')
  asRoot('truncate', '-s', `${promisesMiB}M`, image)
  asRoot(
    'mkfs.ext4',
    '-q',
    '-F',
    '-b',
    '4096',
    '-J',
    'size=4',
    '-E',
    'lazy_itable_init=0,lazy_journal_init=0,nodiscard',
    image,
  )
  mount(path, '-o', 'loop,errors=continue', image)
  // A loop device reports a partial write to its file as complete. No software can protect against a disk that lies, so
  // each write is limited to one block, which is written either completely or not at all.
  const device = execFileSync('findmnt', ['--noheadings', '--output', 'SOURCE', path], { encoding: 'utf8' }).trim()
  asRoot('sh', '-c', `echo 4 > /sys/block/${basename(device)}/queue/max_sectors_kb`)
  // Allocates the file system's own tables now, so that later only writes of data can run out of space.
  const everything = join(path, 'everything')
  asRoot('fallocate', '-l', `${Math.floor(promisesMiB * 0.8)}M`, everything)
  asRoot('sync', '-f', everything)
  asRoot('rm', everything)
  asRoot('sync', '-f', path)

  return {
    path,
    enlarge: () => asRoot('mount', '-o', `remount,size=${mib(promisesMiB * 2)}`, volume),
    get isFull() {
      return freeKiB(volume) < 64
    },
    cutPower() {
      const copy = join(directory, `copy-${++copies}`)
      asRoot('cp', '--sparse=always', image, copy)
      const at = join(directory, `after-${copies}`)
      mount(at, '-o', 'loop', copy)
      return { path: at, [Symbol.dispose]: () => unmount(at) }
    },
    [Symbol.dispose]() {
      for (const at of mounted.toReversed()) unmount(at)
      rmSync(directory, { recursive: true })
    },
  }

  function unmount(at: string): void {
    asRoot('umount', at)
    mounted.splice(mounted.indexOf(at), 1)
  }
}

function freeKiB(path: string): number {
  return Number(execFileSync('df', ['--output=avail', path], { encoding: 'utf8' }).split('\n')[1])
}

function hasSudo(): boolean {
  try {
    execFileSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export function asRoot(command: string, ...args: string[]): void {
  execFileSync(isRoot ? command : 'sudo', isRoot ? args : ['-n', command, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
