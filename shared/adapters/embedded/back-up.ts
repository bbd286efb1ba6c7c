import { existsSync } from 'node:fs'
import { copyFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { OrderError } from '../../domain/errors.ts'
import { FUNCTIONS_KEY_FILE, LOG_FILE, ORDER_ID_SECRET_FILE, STORE_FILE } from '../../disk/data-files.ts'
import { flushDirectory, flushFiles } from '../../disk/flush.ts'
import { freeSpaceIn } from '../../disk/free-space.ts'
import { makeDirectory } from '../../disk/make-directory.ts'
import type { BackUp } from '../../ports/backup.ts'
import type { EmbeddedLog } from './embedded-log.ts'

/** Backups go to DATA_DIR, the only directory to which this process is certain to have write access. */
const FOLDER = 'backups'
const PARTIAL = '.partial'
const SECRETS = [ORDER_ID_SECRET_FILE, FUNCTIONS_KEY_FILE]
/** Room for data that the process writes during the backup. */
const SPARE_BYTES = 64 * 1024 * 1024

/**
 * The copies are consistent with each other because of the order in which they are made. First the offsets of the
 * consumer groups are read, then the store is copied, and then the log. The offsets are written into the copy of the
 * log. So the log's copy contains every record that the store's copy has counted. Records that were stored between
 * reading the offsets and copying the store are delivered again after a restore, and the store recognises them. In any
 * other order, the groups could have committed records that are not in the store's copy, and any retry among those
 * records would be lost. No record is removed from the log during a backup, because the copies may need records that
 * the originals no longer need.
 */
export function createBackUp(dependencies: {
  dataDir: string
  log: Pick<EmbeddedLog, 'groupOffsets' | 'copyTo' | 'keepingRecords'>
  copyStore: (to: string) => Promise<void>
}): BackUp {
  const { dataDir, log, copyStore } = dependencies

  return async function backUp(name) {
    const folder = join(dataDir, FOLDER, name)
    if (existsSync(folder)) throw new OrderError('conflict', `A backup named ${name} already exists.`)
    const partial = `${folder}${PARTIAL}`
    await removePartial()
    await refuseWithoutRoom()
    makeDirectory(partial)
    try {
      await log.keepingRecords(async () => {
        const offsets = await log.groupOffsets()
        await copyStore(join(partial, STORE_FILE))
        await log.copyTo(join(partial, LOG_FILE), offsets)
      })
      for (const secret of SECRETS.filter((file) => existsSync(join(dataDir, file)))) {
        await copyFile(join(dataDir, secret), join(partial, secret))
      }
      const bytes = await flushFiles(partial)
      await rename(partial, folder)
      flushDirectory(join(dataDir, FOLDER))
      return { folder, bytes }
    } catch (error) {
      await rm(partial, { recursive: true, force: true })
      throw error
    }
  }

  /** Removes the partial backups of processes that exited during a backup. */
  async function removePartial(): Promise<void> {
    const folders = join(dataDir, FOLDER)
    const partials = existsSync(folders) ? (await readdir(folders)).filter((name) => name.endsWith(PARTIAL)) : []
    for (const name of partials) await rm(join(folders, name), { recursive: true })
  }

  async function refuseWithoutRoom(): Promise<void> {
    const files = [LOG_FILE, STORE_FILE].flatMap((file) => [file, `${file}-wal`]).map((file) => join(dataDir, file))
    const sizes = await Promise.all(files.map(async (file) => (existsSync(file) ? (await stat(file)).size : 0)))
    const needed = sizes.reduce((total, size) => total + size, SPARE_BYTES)
    const { bytes: free } = await freeSpaceIn(dataDir)
    if (free >= needed) return
    const message = `A backup needs ${inMiB(needed)} on the disk of ${dataDir}, but only ${inMiB(free)} is free.`
    throw new OrderError('store-full', message, { retriable: true })
  }
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`
}
