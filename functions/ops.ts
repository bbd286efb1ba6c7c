import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { POINT_EVERY_MS } from '../shared/application/pipeline-history.ts'
import { services, settings } from '../shared/composition-root.ts'
import { json } from '../shared/http/answer.ts'
import { actOf } from '../shared/http/operator.ts'
import { httpTrigger } from '../shared/triggers.ts'

const FRESH = { 'cache-control': 'no-store' }

/** GET /api/ops/status: the pipeline in numbers. */
async function opsStatus(): Promise<HttpResponseInit> {
  const { pipelineStatus } = await services()
  return json(200, await pipelineStatus(), FRESH)
}

/** GET /api/ops/history: the same for every five seconds of the last hour. */
async function opsHistory(): Promise<HttpResponseInit> {
  const { pipelineHistory } = await services()
  return json(200, { everyMs: POINT_EVERY_MS, items: pipelineHistory.points() }, FRESH)
}

/** GET /api/ops/ledger: whether every record of the orders topic is accounted for. */
async function opsLedger(): Promise<HttpResponseInit> {
  const { ledgerVerdict } = await services()
  return json(200, await ledgerVerdict(), FRESH)
}

/** POST /api/ops/ledger/repair: stores or parks what was passed over. */
async function repairLedger(request: HttpRequest): Promise<HttpResponseInit> {
  const all = await services()
  const act = actOf(request, undefined, settings().platformSignsIn)
  return json(200, { ...(await all.repairLedger(act)), ledger: await all.ledgerVerdict() }, FRESH)
}

app.http('opsHistory', httpTrigger('opsHistory', opsHistory))
app.http('opsLedger', httpTrigger('opsLedger', opsLedger))
app.http('opsStatus', httpTrigger('opsStatus', opsStatus))
app.http('repairLedger', httpTrigger('repairLedger', repairLedger))
