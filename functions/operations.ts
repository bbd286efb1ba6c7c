import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import { POINT_EVERY_MS } from '../shared/application/operations/pipeline-history.ts'
import { services, settings } from '../shared/services.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { actOf, readActBody } from '../shared/http/operator.ts'
import { json } from '../shared/http/protocol/answer.ts'
import { actBody, backupBody, resetLedgerBody, takeOutBody } from '../shared/http/redrive.ts'
import { parseDeadLetterId } from '../shared/ports/dead-letters.ts'
import { httpTrigger } from '../shared/triggers.ts'

const FRESH = { 'cache-control': 'no-store' }

/** POST /api/ops/rebuild: makes the orders again from the log, and answers at once. */
async function rebuildOrders(request: HttpRequest): Promise<HttpResponseInit> {
  const all = await services()
  const { reason } = await readActBody(request, actBody)
  const rebuild = await all.rebuildOrders.start(actOf(request, reason, settings().platformSignsIn))
  return json(202, rebuild, { location: '/api/ops/rebuild', 'retry-after': '1' })
}

/** GET /api/ops/rebuild: how far it is, or how the last one ended. */
async function getRebuild(): Promise<HttpResponseInit> {
  const { maintenance } = await services()
  return json(200, { rebuild: (await maintenance.getRebuild()) ?? null }, FRESH)
}

/** POST /api/ops/backup: copies log, store and secrets while they are in use, and answers at once. */
async function startBackup(request: HttpRequest): Promise<HttpResponseInit> {
  const { backups } = await services()
  const { name, reason } = await readActBody(request, backupBody)
  const backup = await backups.start(name, actOf(request, reason, settings().platformSignsIn))
  return json(202, backup, { location: '/api/ops/backup', 'retry-after': '1' })
}

/** GET /api/ops/backup: how far it is, or how the last one of this process ended. */
async function getBackup(): Promise<HttpResponseInit> {
  const { backups } = await services()
  return json(200, { backup: backups.current() }, FRESH)
}

/** POST /api/ops/ledger/reset: counts anew, from where the log begins now. */
async function resetLedger(request: HttpRequest): Promise<HttpResponseInit> {
  const all = await services()
  const { reason, force } = await readActBody(request, resetLedgerBody)
  const repaired = await all.resetLedger(actOf(request, reason, settings().platformSignsIn), force)
  return json(200, { ...repaired, ledger: await all.ledgerVerdict() }, FRESH)
}

/** POST /api/ops/take-out: makes a dead letter of a record that its consumer cannot get past. */
async function takeOutRecord(request: HttpRequest): Promise<HttpResponseInit> {
  const all = await services()
  const { record, reason } = await readActBody(request, takeOutBody)
  const place = parseDeadLetterId(record)
  if (place === undefined) throw new OrderError('invalid-request', 'record must be topic:partition:offset.')
  const taken = await all.takeOut(place, actOf(request, reason, settings().platformSignsIn))
  return json(200, { ...taken, ledger: await all.ledgerVerdict() }, FRESH)
}

/** POST /api/ops/migrate: brings the schema up to date. */
async function migrateStore(): Promise<HttpResponseInit> {
  const { maintenance } = await services()
  return json(200, await maintenance.migrate(), FRESH)
}

/** GET /api/ops/doctor: what an operator would look at first. */
async function doctor(): Promise<HttpResponseInit> {
  const all = await services()
  return json(200, await all.doctor(), FRESH)
}

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

app.http('doctor', httpTrigger('doctor', doctor))
app.http('getBackup', httpTrigger('getBackup', getBackup))
app.http('getRebuild', httpTrigger('getRebuild', getRebuild))
app.http('migrateStore', httpTrigger('migrateStore', migrateStore))
app.http('opsHistory', httpTrigger('opsHistory', opsHistory))
app.http('opsLedger', httpTrigger('opsLedger', opsLedger))
app.http('opsStatus', httpTrigger('opsStatus', opsStatus))
app.http('rebuildOrders', httpTrigger('rebuildOrders', rebuildOrders))
app.http('repairLedger', httpTrigger('repairLedger', repairLedger))
app.http('resetLedger', httpTrigger('resetLedger', resetLedger))
app.http('startBackup', httpTrigger('startBackup', startBackup))
app.http('takeOutRecord', httpTrigger('takeOutRecord', takeOutRecord))
