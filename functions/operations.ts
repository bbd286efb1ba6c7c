import { POINT_EVERY_MS } from '../shared/application/operations/pipeline-history.ts'
import { OrderError } from '../shared/domain/errors.ts'
import { actBody, actOf, readAct, requiredReasonBody } from '../shared/http/acts.ts'
import { changeIdIn } from '../shared/http/changes.ts'
import { auditQuery, backupBody, forgetGroupBody, resetLedgerBody, takeOutBody } from '../shared/http/operations.ts'
import { FRESH, json, page } from '../shared/http/protocol/answer.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { parseDeadLetterId } from '../shared/ports/dead-letters.ts'
import { httpTrigger } from '../shared/triggers.ts'

/** POST /api/ops/rebuild: starts rebuilding the orders from the log and returns at once. */
httpTrigger('rebuildOrders', async (request, { rebuildOrders, config }) => {
  const { act } = await readAct(request, actBody, config)
  return json(202, await rebuildOrders.start(act), { location: '/api/ops/rebuild', 'retry-after': '1' })
})

/** GET /api/ops/rebuild: the progress of the rebuild, or how the last rebuild ended. */
httpTrigger('getRebuild', async (_, { maintenance }) =>
  json(200, { rebuild: (await maintenance.getRebuild()) ?? null }, FRESH),
)

/**
 * POST /api/ops/backup: starts copying the log, the store and the secrets while they are in use, and returns at once.
 */
httpTrigger('startBackup', async (request, { backups, config }) => {
  const { body, act } = await readAct(request, backupBody, config)
  return json(202, await backups.start(body.name, act), { location: '/api/ops/backup', 'retry-after': '1' })
})

/** GET /api/ops/backup: the progress of the backup, or how the last backup of this process ended. */
httpTrigger('getBackup', async (_, { backups }) => json(200, { backup: backups.current() }, FRESH))

/** POST /api/ops/ledger/reset: starts a new epoch of the ledger at the log's first record. */
httpTrigger('resetLedger', async (request, { resetLedger, ledgerVerdict, config }) => {
  const { body, act } = await readAct(request, resetLedgerBody, config)
  const repaired = await resetLedger(act, body.force)
  return json(200, { ...repaired, ledger: await ledgerVerdict() }, FRESH)
})

/** POST /api/ops/ledger/repair: stores or parks the records that were passed over. */
httpTrigger('repairLedger', async (request, { repairLedger, ledgerVerdict, config }) => {
  const repaired = await repairLedger(actOf(request, undefined, config))
  return json(200, { ...repaired, ledger: await ledgerVerdict() }, FRESH)
})

/** POST /api/ops/take-out: turns a record that blocks its consumer into a dead letter. */
httpTrigger('takeOutRecord', async (request, { takeOut, ledgerVerdict, config }) => {
  const { body, act } = await readAct(request, takeOutBody, config)
  const place = parseDeadLetterId(body.record)
  if (place === undefined) throw new OrderError('invalid-request', 'record must be topic:partition:offset.')
  const taken = await takeOut(place, act)
  return json(200, { ...taken, ledger: await ledgerVerdict() }, FRESH)
})

/** POST /api/ops/forget-group: lets the log remove records that a former consumer group has not read. */
httpTrigger('forgetGroup', async (request, { forgetGroup, config }) => {
  const { body, act } = await readAct(request, forgetGroupBody, config)
  return json(200, await forgetGroup(body.group, act))
})

/** POST /api/ops/changes/{changeId}/discard: discards a change that waits for an event that will never arrive. */
httpTrigger('discardChange', async (request, { discardChange, config }) => {
  const changeId = changeIdIn(request)
  const { act } = await readAct(request, requiredReasonBody, config)
  return json(200, await discardChange(changeId, act))
})

/**
 * POST /api/ops/migrate: migrates the schema to the current version, and sets the retention of topics to LOG_RETENTION.
 */
httpTrigger('migrateStore', async (_, { migrate }) => json(200, await migrate(), FRESH))

/** GET /api/ops/doctor: runs the checks that an operator would start with. */
httpTrigger('doctor', async (_, { doctor }) => json(200, await doctor(), FRESH))

/** GET /api/ops/status: the pipeline in numbers. */
httpTrigger('opsStatus', async (_, { pipelineStatus }) => json(200, await pipelineStatus(), FRESH))

/** GET /api/ops/history: the same figures at five-second intervals for the last hour. */
httpTrigger('opsHistory', async (_, { pipelineHistory }) =>
  json(200, { everyMs: POINT_EVERY_MS, items: pipelineHistory.points() }, FRESH),
)

/** GET /api/ops/storage: the disk usage of the log and the store, and how far back the log reaches. */
httpTrigger('opsStorage', async (_, { pipelineStorage }) => json(200, await pipelineStorage(), FRESH))

/** GET /api/ops/ledger: whether every record of the orders topic is accounted for. */
httpTrigger('opsLedger', async (_, { ledgerVerdict }) => json(200, await ledgerVerdict(), FRESH))

/** GET /api/audit: who did what, newest first. */
httpTrigger('audit', async (request, { redriveTasks }) =>
  page(request, await redriveTasks.audit(readQuery(request.query, auditQuery))),
)
