import { createFileThread, type FileThread } from '../../../threads/file-thread.ts'
import type { Operations } from '../../../threads/serve-file.ts'
import { storeUnavailable, unpackError, type SentStoreError } from '../database/errors.ts'
import type { StoreLocation } from './write-worker.ts'

export interface StoreThreadOptions extends StoreLocation {
  readonly name: string
  readonly worker: URL
  readonly onDiskInDoubt?: (error: unknown) => void
}

/**
 * A thread with its own connection to the store. Calls reject with `store-unavailable` (retriable) if the thread has
 * died.
 */
export function createStoreThread<T extends Operations>(options: StoreThreadOptions): FileThread<T> {
  const { file, migrations, ...thread } = options
  const location: StoreLocation = { file, migrations }
  return createFileThread<T, SentStoreError>({
    ...thread,
    workerData: location,
    unavailable: (cause) => storeUnavailable(file, cause),
    received: unpackError,
  })
}
