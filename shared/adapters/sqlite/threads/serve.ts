import { serveFile, type Operations } from '../../../threads/serve-file.ts'
import { leavesConnectionSound, packError, toStoreError } from '../database/errors.ts'

/** A thread of the store, with the connection that `open` opens; again after an error that may have left it unsound. */
export function serve(file: string, open: () => Operations): void {
  serveFile({
    open,
    areSound: (_, error) => leavesConnectionSound(error),
    pack: (error) => packError(toStoreError(error, file)),
  })
}
