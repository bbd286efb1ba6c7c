import { workerData } from 'node:worker_threads'
import { closeAfterCopy, closeUnlessInDoubt, prepareCheckpoints } from '../../disk/checkpoint.ts'
import { openDatabase } from './database.ts'
import { prepareWriteBlock, type WriteBlock } from './search-blocks.ts'
import { prepareReindex, type Reindex } from './search-reindex.ts'
import { serve } from './serve.ts'
import type { StoreLocation } from './write-worker.ts'

/**
 * The thread that writes blocks for searches: it reads tens of thousands of orders for one, while others are stored. After
 * an update it also gives earlier orders the words that they lack.
 */
export interface Indexer {
  readonly reindex: Reindex
  readonly writeBlock: WriteBlock
  tidy(): void
  close(): void
}

const CACHE_KIB = 4 * 1024

const { file } = workerData as StoreLocation

serve(file, openIndexer)

function openIndexer(): Indexer {
  const db = openDatabase(file)
  try {
    // It reads each order once.
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    const checkpoints = prepareCheckpoints(db)
    return {
      reindex: prepareReindex(db),
      writeBlock: prepareWriteBlock(db),
      tidy: () => checkpoints.whenDue(),
      close: () => closeAfterCopy(db),
    }
  } catch (error) {
    closeUnlessInDoubt(db, error)
    throw error
  }
}
