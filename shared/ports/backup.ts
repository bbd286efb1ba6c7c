/**
 * Copies log, store and secrets into a folder of their own while all of them are in use. The copy is of a moment at which
 * the log has everything that the store has, and no consumer is ahead of the store: a product that is started on it reads
 * again what was under way, and stores nothing twice.
 *
 * The folder gets its name when all of it is on the disk. Rejects with `conflict` when there is one of that name, with
 * `store-full` when the disk has no room for it, and with `store-unavailable` or `log-unavailable`.
 */
export type BackUp = (name: string) => Promise<BackupFiles>

export interface BackupFiles {
  /** On the machine of this process. */
  readonly folder: string
  readonly bytes: number
}
