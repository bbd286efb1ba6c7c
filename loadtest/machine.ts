import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'

export type Machine = Readonly<ReturnType<typeof describeMachine>>

/** The CPU time and memory that a process used from the end of the warm-up until the last order was stored. */
export interface ProcessCost {
  readonly cpuSeconds: number
  readonly cpuMicrosecondsPerRequest: number
  readonly maxResidentMiB: number
}

const ROOT = join(import.meta.dirname, '..')
/**
 * Linux counts a process's time in ticks, of which there are 100 per second (USER_HZ) on every platform that Node runs
 * on.
 */
const TICK_MICROSECONDS = 10_000

export function describeMachine() {
  return {
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // The load average for the minute before the run, which shows whether the machine was busy.
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}

/**
 * The versions of the tools and of this checkout. The product under test has the same version as this checkout only if
 * it was started from here.
 */
export function describeVersions(): Record<string, string> {
  const commit = commitOf(ROOT)
  return {
    product: versionIn(join(ROOT, 'package.json')),
    ...(commit !== undefined && { commit }),
    node: process.versions.node,
    autocannon: versionOf('autocannon'),
    undici: versionOf('undici'),
  }
}

/**
 * The user and system time that a process and its threads have used so far (proc(5)); undefined if there is no /proc.
 */
export function cpuMicroseconds(pid: number | undefined): number | undefined {
  const fields = readProc(pid, 'stat')?.split(') ').at(-1)?.split(' ')
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS
}

/** The resident memory of a process; undefined if there is no /proc. */
export function residentMiB(pid: number | undefined): number | undefined {
  return mebibytes(/^VmRSS:\s+(\d+) kB$/m, pid)
}

/** The peak resident memory of a process so far; undefined if there is no /proc. */
export function maxResidentMiB(pid: number | undefined): number | undefined {
  return mebibytes(/^VmHWM:\s+(\d+) kB$/m, pid)
}

function mebibytes(line: RegExp, pid: number | undefined): number | undefined {
  const kib = line.exec(readProc(pid, 'status') ?? '')?.[1]
  return kib === undefined ? undefined : Math.round(Number(kib) / 1024)
}

function readProc(pid: number | undefined, file: string): string | undefined {
  if (pid === undefined) return undefined
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    // There is no /proc, or the process has exited.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH') {
      return undefined
    }
    throw error
  }
}

function versionOf(name: string): string {
  return versionIn(join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'package.json'))
}

function versionIn(file: string): string {
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}

/** The commit, followed by a plus sign if files have been changed since. Undefined outside a checkout. */
export function commitOf(root: string): string | undefined {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '-uno') === '' ? '' : '+'}`
  } catch {
    return undefined
  }
}
