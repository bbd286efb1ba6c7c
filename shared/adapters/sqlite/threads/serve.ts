import { serveFile, type Operations } from '../../../threads/serve-file.ts'
import { leavesConnectionSound, packError, toStoreError } from '../database/errors.ts'

/**
 * Serves the calls to one of the store's threads. `open` is called again after an error that may have damaged the
 * connection.
 */
export function serve(file: string, open: () => Operations): void {
  serveFile({
    open,
    areSound: (_, error) => leavesConnectionSound(error),
    pack: (error) => packError(toStoreError(error, file)),
  })
}
