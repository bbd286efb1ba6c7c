/**
 * Copies the log, the store and the secrets into a new folder while all of them are in use. The log in the copy
 * contains everything that the store contains, and no consumer is ahead of the store. If the product starts from the
 * copy, records that were in flight are read again, and nothing is stored twice.
 *
 * The folder gets its final name once its content is on disk. Rejects with `conflict` if a folder of that name exists,
 * with `store-full` if the disk has no room, and with `store-unavailable` or `log-unavailable` if the store or the log
 * is unavailable.
 */
export type BackUp = (name: string) => Promise<BackupFiles>

export interface BackupFiles {
  /** The folder's path, on the machine that runs this process. */
  readonly folder: string
  readonly bytes: number
}
