/**
 * Copies log, store and secrets into a new folder while all of them are in use. In the copy the log has everything that the
 * store has, and no consumer is ahead of the store. A product that starts on it reads again the records that were in
 * flight, and stores nothing twice.
 *
 * The folder gets its name once all of it is on the disk. Rejects with `conflict` if a folder of that name exists, with
 * `store-full` if the disk has no room, and with `store-unavailable` or `log-unavailable`.
 */
export type BackUp = (name: string) => Promise<BackupFiles>

export interface BackupFiles {
  /** Its path, on the machine of this process. */
  readonly folder: string
  readonly bytes: number
}
