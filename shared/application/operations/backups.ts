import { messageOf, OrderError } from '../../domain/errors.ts'
import type { BackUp } from '../../ports/backup.ts'
import type { Maintenance } from '../../ports/maintenance.ts'
import type { Act } from '../../ports/redrives.ts'

export interface Backup {
  readonly state: 'running' | 'done' | 'failed'
  readonly name: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly endedAt: string | null
  /** The backup folder, on the machine of the process that made the backup. */
  readonly folder: string | null
  readonly bytes: number | null
  /** Why the backup failed. */
  readonly why: string | null
}

export interface Backups {
  /**
   * Starts a backup and resolves at once. Rejects with `conflict` if a backup is already running, or if this process
   * does not keep both the log and the store in its own files.
   */
  start(name: string | undefined, act: Act): Promise<Backup>
  /** The running backup, or the last one that this process made. */
  current(): Backup | null
}

const ELSEWHERE =
  'Only an embedded log and a SQLite store can be backed up here. Back up SQL Server with its own tools and copy Kafka’s topics: the runbook says how.'

export function createBackups(dependencies: {
  backUp: BackUp | undefined
  maintenance: Pick<Maintenance, 'recordAct'>
  now: () => Date
}): Backups {
  const { backUp, maintenance, now } = dependencies
  let latest: Backup | null = null

  async function carryOut(copy: BackUp, begun: Backup): Promise<Backup> {
    try {
      return { ...begun, ...(await copy(begun.name)), state: 'done', endedAt: now().toISOString() }
    } catch (error) {
      return { ...begun, state: 'failed', endedAt: now().toISOString(), why: messageOf(error) }
    }
  }

  return {
    async start(asked, act) {
      if (backUp === undefined) throw new OrderError('conflict', ELSEWHERE)
      if (latest?.state === 'running') throw new OrderError('conflict', `Backup ${latest.name} is still running.`)
      const startedAt = now().toISOString()
      // The name is precise to the second. It contains no colons, because some file systems do not allow colons.
      const name = asked ?? startedAt.replace(/\.\d+Z$/, 'Z').replaceAll(':', '-')
      const begun: Backup = { state: 'running', name, startedAt, endedAt: null, folder: null, bytes: null, why: null }
      const before = latest
      latest = begun
      try {
        await maintenance.recordAct('backup', name, act)
      } catch (error) {
        latest = before
        throw error
      }
      void carryOut(backUp, begun).then((ended) => (latest = ended))
      return begun
    },
    current: () => latest,
  }
}
