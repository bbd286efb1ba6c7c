import { byId } from '../page/dom.js'
import { factList } from '../details/details.js'
import { toBytes, toTime } from '../page/format.js'

/**
 * The disk usage of the log and the store, and how far back the log reaches.
 *
 * @typedef {import('../../../../application/operations/storage.ts').PipelineStorage} PipelineStorage
 */

/**
 * @param {import('../page/api.js').Api} api
 * @param {string} keptFor such as `forever` or `for 90 days`
 */
export function createStorage(api, keptFor) {
  async function refresh() {
    const { log, store, freeBytes } = /** @type {PipelineStorage} */ (await api.get('/api/ops/storage'))
    const facts = factList({
      Log: log.bytes === null ? 'on Kafka' : toBytes(log.bytes),
      'Oldest record': log.oldestRecordAt && toTime(log.oldestRecordAt),
      'Records kept': keptFor,
      Store: store.bytes === null ? 'on SQL Server' : toBytes(store.bytes),
      'Free space': freeBytes && toBytes(freeBytes),
    })
    byId('storage').replaceChildren(facts)
  }

  return { refresh }
}
