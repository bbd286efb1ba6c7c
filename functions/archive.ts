import { readAct } from '../shared/http/acts.ts'
import { archiveBody, archivingAct, readDocuments, readExportQuery, restoreBody } from '../shared/http/archive.ts'
import { FRESH, json, page } from '../shared/http/protocol/answer.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/ops/archive/orders?before=: the orders that can be archived, as whole documents, paginated. */
httpTrigger('exportOrders', async (request, { archive }) =>
  page(request, await archive.exportOrders(readExportQuery(request, Date.now()))),
)

/** POST /api/ops/archive/orders: removes archived orders from the store, unless they have changed since the export. */
httpTrigger('archiveOrders', async (request, { archive, config }) => {
  const { body, act } = await readAct(request, archiveBody, config)
  return json(200, await archive.archiveOrders(body.orders, body.file, archivingAct(act, body)), FRESH)
})

/** POST /api/ops/archive/restore: restores archived orders to the store. */
httpTrigger('restoreOrders', async (request, { archive, config }) => {
  const { body, act } = await readAct(request, restoreBody, config)
  return json(200, await archive.restoreOrders(readDocuments(body), body.source, archivingAct(act, body)), FRESH)
})
