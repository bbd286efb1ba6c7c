import { readAct } from '../shared/http/acts.ts'
import { archiveBody, readDocuments, readExportQuery, restoreBody } from '../shared/http/archive.ts'
import { FRESH, json, page } from '../shared/http/protocol/answer.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/ops/archive/orders?before=: whole orders that can be archived, paginated. */
httpTrigger('exportOrders', async (request, { archive }) =>
  page(request, await archive.exportOrders(readExportQuery(request, Date.now()))),
)

/** POST /api/ops/archive/orders: gives up orders that a file has, unless they have changed since they were exported. */
httpTrigger('archiveOrders', async (request, { archive, config }) => {
  const { body, act } = await readAct(request, archiveBody, config)
  return json(200, await archive.archiveOrders(body.orders, body.file, act), FRESH)
})

/** POST /api/ops/archive/restore: takes orders of an archive back. */
httpTrigger('restoreOrders', async (request, { archive, config }) => {
  const { body, act } = await readAct(request, restoreBody, config)
  return json(200, await archive.restoreOrders(readDocuments(body), body.source, act), FRESH)
})
