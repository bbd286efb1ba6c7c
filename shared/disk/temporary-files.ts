import { resolve } from 'node:path'

/**
 * Makes SQLite write its temporary files, such as the copy that VACUUM makes, to this directory unless SQLITE_TMPDIR
 * says where. Otherwise SQLite looks for a writable directory such as /tmp, and without one VACUUM fails with a plain
 * IOERR, which looks like a disk error (https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations).
 *
 * Call this on the main thread, before the process opens its first database. SQLite reads the process's environment, of
 * which worker threads only have a copy, and reads it only once.
 */
export function keepTemporaryFilesIn(directory: string): void {
  process.env['SQLITE_TMPDIR'] ??= resolve(directory)
}
