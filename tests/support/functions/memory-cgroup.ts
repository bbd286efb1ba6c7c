import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../../shared/domain/errors.ts'

/** A group of processes with a common memory limit that includes the page cache, like a container's limit. */
export interface MemoryCgroup extends AsyncDisposable {
  /** The command prefix that runs a program in the group. */
  readonly launcher: readonly string[]
}

const ROOT = '/sys/fs/cgroup'
const REMOVAL_ATTEMPTS = 50

/** Version 1 of cgroups has a tree for each controller; version 2 has a single tree. */
const VERSIONS = [
  { tree: join(ROOT, 'memory'), limit: 'memory.limit_in_bytes' },
  { tree: ROOT, limit: 'memory.max' },
]

let made = 0

/** Throws if this user cannot create a cgroup. */
export function createMemoryCgroup(limitBytes: number): MemoryCgroup {
  const version = VERSIONS.find(({ tree }) => existsSync(join(tree, 'cgroup.procs')))
  if (version === undefined) throw new Error(`Nothing is mounted at ${ROOT}.`)
  const directory = join(version.tree, `order-event-processing-${process.pid}-${(made += 1)}`)
  mkdirSync(directory)
  try {
    // Version 2 creates the file only where the parent group delegates its memory controller.
    if (!existsSync(join(directory, version.limit))) {
      writeFileSync(join(version.tree, 'cgroup.subtree_control'), '+memory')
    }
    writeFileSync(join(directory, version.limit), String(limitBytes))
  } catch (error) {
    rmdirSync(directory)
    throw error
  }
  return {
    launcher: ['sh', '-c', `echo $$ > ${join(directory, 'cgroup.procs')} && exec "$0" "$@"`],
    async [Symbol.asyncDispose]() {
      // The kernel removes a process from the group shortly after its exit.
      for (let attempt = 1; existsSync(directory); attempt += 1) {
        try {
          rmdirSync(directory)
        } catch (error) {
          if (attempt === REMOVAL_ATTEMPTS) throw error
          await sleep(20)
        }
      }
    },
  }
}

/** For `describe.skipIf`: reports once why this user cannot create a cgroup. */
export async function cannotLimitMemory(): Promise<boolean> {
  try {
    await createMemoryCgroup(1024 ** 3)[Symbol.asyncDispose]()
    return false
  } catch (error) {
    process.stderr.write(`Tests of memory limits are skipped, because no cgroup can be created: ${messageOf(error)}\n`)
    return true
  }
}
