import { randomUUID } from 'node:crypto'
import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { services, settings } from '../shared/services.ts'
import { json } from '../shared/http/protocol/answer.ts'
import { faultPlan } from '../shared/http/fault-plan.ts'
import { readActBody } from '../shared/http/operator.ts'
import type { RecordToPublish } from '../shared/ports/event-log.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** GET /api/ops/faults: what is broken now. */
async function getFaults(): Promise<HttpResponseInit> {
  const { faults } = await services()
  return json(200, { ...faults?.plan, poison: 0 }, { 'cache-control': 'no-store' })
}

/** POST /api/ops/faults: breaks things on purpose. What the body does not name is mended. */
async function setFaults(request: HttpRequest): Promise<HttpResponseInit> {
  const { faults, log, topics } = await services()
  const { poison, ...plan } = await readActBody(request, faultPlan)
  faults?.apply(plan)
  if (poison > 0) await log.publish(topics.orders, Array.from({ length: poison }, poisonRecord))
  return json(200, { ...plan, poison })
}

/** As a program of somebody else might write it: no headers, and bytes that are no JSON. */
function poisonRecord(): RecordToPublish {
  return { key: randomUUID(), value: Buffer.from('{"customerId": \xff', 'latin1'), headers: [] }
}

// Off, the routes do not exist.
if (settings().faults) {
  app.http('getFaults', httpTrigger('getFaults', getFaults))
  app.http('setFaults', httpTrigger('setFaults', setFaults))
}
