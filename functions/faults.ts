import { randomUUID } from 'node:crypto'
import { FRESH, json } from '../shared/http/protocol/answer.ts'
import { readActBody } from '../shared/http/acts.ts'
import { faultPlan } from '../shared/http/faults.ts'
import type { RecordToPublish } from '../shared/ports/event-log.ts'
import { settings } from '../shared/services.ts'
import { httpTrigger } from '../shared/triggers.ts'

// With FAULTS=off, these routes do not exist.
if (settings().faults) {
  /** GET /api/ops/faults: the faults that are currently switched on. */
  httpTrigger('getFaults', async (_, { faults }) => json(200, { ...faults?.plan, poison: 0 }, FRESH))

  /** POST /api/ops/faults: switches faults on. Faults that the body does not name are switched off. */
  httpTrigger('setFaults', async (request, { faults, log, topics }) => {
    const { poison, ...plan } = await readActBody(request, faultPlan)
    faults?.apply(plan)
    if (poison > 0) await log.publish(topics.orders, Array.from({ length: poison }, poisonRecord))
    return json(200, { ...plan, poison })
  })
}

/** A record as another program might write one: without headers, and not JSON. */
function poisonRecord(): RecordToPublish {
  return { key: randomUUID(), value: Buffer.from('{"customerId": \xff', 'latin1'), headers: [] }
}
