import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { TargetError, type Target } from '../target.ts'

const LOOK_EVERY_MS = 250
const ROOT = join(import.meta.dirname, '../..')

/** `ops archive` in a process of its own, which can be paused. Disposing kills the process. */
export interface RunningArchive extends AsyncDisposable {
  /** Resolves when the first file is complete and the process begins to remove the orders in it from the store. */
  firstFile(signal: AbortSignal): Promise<void>
  pause(): void
  resume(): void
  /** The number of archived orders for which this store file keeps a tombstone. */
  archivedIn(file: string): number
  /** How long the process has been running, not counting pauses. */
  runSeconds(): number
  /** Throws `TargetError` if the process has exited. */
  requireRunning(): void
}

export function startArchive(target: Target, before: string, to: string): RunningArchive {
  const words = ['--import', join(ROOT, 'infra/host/preload.js'), join(ROOT, 'infra/ops/cli.ts'), 'archive']
  const options = ['--before', before, '--to', to, '--url', target.url, '--key', target.key ?? '']
  const child = spawn(process.execPath, [...words, ...options], { cwd: ROOT, stdio: 'ignore' })
  const closed = once(child, 'close')
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  let ranMs = 0
  let since: number | undefined = performance.now()

  function requireRunning(): void {
    if (child.exitCode === null && child.signalCode === null) return
    throw new TargetError('Archiving ended before the measurement did: use more --orders or fewer --seconds.')
  }

  return {
    async firstFile(signal) {
      while (!readdirSync(to).some((name) => name.endsWith('.manifest.json'))) {
        requireRunning()
        await sleep(LOOK_EVERY_MS, undefined, { signal })
      }
    },
    pause() {
      child.kill('SIGSTOP')
      if (since !== undefined) ranMs += performance.now() - since
      since = undefined
    },
    resume() {
      child.kill('SIGCONT')
      since ??= performance.now()
    },
    archivedIn(file) {
      const db = new DatabaseSync(file, { readOnly: true })
      try {
        return Number(db.prepare('SELECT count(*) AS orders FROM archived_orders').get()?.['orders'])
      } finally {
        db.close()
      }
    },
    runSeconds: () => (ranMs + (since === undefined ? 0 : performance.now() - since)) / 1000,
    requireRunning,
    async [Symbol.asyncDispose]() {
      process.off('exit', kill)
      kill()
      await closed
    },
  }
}
