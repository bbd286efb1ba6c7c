/** Bytes on this machine's disk; null if the log or the store is on other machines. */
export interface DiskUsage {
  readonly log: number | null
  readonly store: number | null
  /** The free space on the disk of `DATA_DIR`; null in the Functions runtime, which has no such directory. */
  readonly free: number | null
}
