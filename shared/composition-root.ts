import { afterLedgerBegan, beginLedger } from './application/ledger/begin-ledger.ts'
import { createChangeOrder, type ChangeOrder } from './application/orders/change-order.ts'
import { createForgetCustomer, type ForgetCustomer } from './application/forgetting/forget-customer.ts'
import { createForgottenHere } from './application/forgetting/forgotten-here.ts'
import { compareClocks } from './application/log/compare-clocks.ts'
import { createDeliveryWatch, type DeliveryWatch } from './application/processing/delivery-watch.ts'
import { createBackups, type Backups } from './application/operations/backups.ts'
import { createDiscardLetters, type DiscardLetters } from './application/dead-letters/discard-letters.ts'
import { createDoctor, type Doctor } from './application/operations/doctor.ts'
import { createExpireRecords, type RecordExpiry } from './application/log/expire-records.ts'
import { createFirstUncounted } from './application/ledger/first-uncounted.ts'
import { createExamineLedger } from './application/ledger/examine-ledger.ts'
import { createKeepDeadLetters } from './application/dead-letters/keep-dead-letters.ts'
import { createLedgerVerdict } from './application/ledger/judge-ledger.ts'
import type { LedgerVerdict } from './application/ledger/ledger.ts'
import { createForgetGroup, type ForgetGroup } from './application/log/forget-group.ts'
import { createLifeInLog } from './application/log/life-in-log.ts'
import { createMigrate, type Migrate } from './application/operations/migrate.ts'
import { createOrderConsumers } from './application/operations/order-consumers.ts'
import { createPark } from './application/processing/park.ts'
import { createPipelineHistory, type PipelineHistory } from './application/operations/pipeline-history.ts'
import { createStorage, type PipelineStorage } from './application/operations/storage.ts'
import { createPlaceOrder, type PlaceOrder } from './application/orders/place-order.ts'
import { createMayHoldAnyOrder } from './application/dead-letters/may-hold-any-order.ts'
import { createPreviewRedrive, type PreviewRedrive } from './application/dead-letters/preview-redrive.ts'
import { createReadiness, withUnreadable, type CheckReadiness } from './application/operations/readiness.ts'
import { createRebuild, type RebuildOrders } from './application/operations/rebuild.ts'
import { createRedrive, type Redrive } from './application/dead-letters/redrive.ts'
import { createRedriveWarning, type WarnOfRedrive } from './application/dead-letters/redrive-warning.ts'
import { createRepairLedger, type RepairLedger } from './application/ledger/repair-ledger.ts'
import { lastResetOf } from './application/ledger/last-reset.ts'
import { createResetLedger, type ResetLedger } from './application/ledger/reset-ledger.ts'
import { createStoreRetention, type StoreRetention } from './application/operations/store-retention.ts'
import { createStatus, type PipelineStatus } from './application/operations/status.ts'
import type { HandleDelivery } from './application/processing/handle-delivery.ts'
import { createStoreOrders } from './application/processing/store-orders.ts'
import { createStoreRetries } from './application/processing/store-retries.ts'
import { createDiscardChange, type DiscardChange } from './application/orders/discard-change.ts'
import { createTakeOut, type TakeOut } from './application/dead-letters/take-out.ts'
import { createWatchLedger, type LedgerWatch } from './application/ledger/watch-ledger.ts'
import { createWaitUntilSettled, type WaitUntilSettled } from './application/orders/wait-until-settled.ts'
import { createWhyUnseen, type WhyUnseen } from './application/orders/why-unseen.ts'
import type { Adapters } from './adapters/open-adapters.ts'
import { API_VERSION } from './api-docs/version.ts'
import type { Config } from './settings/config.ts'
import { contradictionsIn } from './settings/contradictions.ts'
import { keptFor } from './settings/kept-for.ts'
import { isSettled, type ChangeView } from './domain/changes/change-view.ts'
import { createOrderIds, type OrderIds } from './domain/order-id.ts'
import { isFinal, type OrderView } from './domain/order-view.ts'
import { freeSpaceIn } from './disk/free-space.ts'
import { openFoundation, type Foundation } from './foundation.ts'
import type { Logger } from './telemetry/logs/logger.ts'
import type { Metrics } from './telemetry/metrics/metrics.ts'
import type { PipelineEmitter } from './messaging/pipeline-events.ts'
import { createRedriveProofs } from './messaging/parking/redrive-proof.ts'
import { createPublishedHere } from './messaging/records/published-here.ts'
import type { Topics } from './messaging/topics.ts'
import type { StoreBatch } from './ports/order-store.ts'
import { consumedBy, describeRole, isDisabled } from './role.ts'
import { systemClock } from './adapters/system-clock.ts'
import { openTracing } from './telemetry/traces/open-tracing.ts'
import type { Tracing } from './telemetry/traces/tracing.ts'
import { logPipeline, tellRecordsKept, tellRedriveFailed } from './telemetry/logs/pipeline-log.ts'

/** The wiring diagram: from settings to adapters to use cases. */
export interface Services extends AsyncDisposable, Omit<Adapters, typeof Symbol.asyncDispose> {
  readonly config: Config
  readonly topics: Topics
  readonly orderIds: OrderIds
  readonly logger: Logger
  readonly events: PipelineEmitter
  readonly placeOrder: PlaceOrder
  readonly changeOrder: ChangeOrder
  readonly storeOrders: HandleDelivery
  /** One for each retry tier, in order. */
  readonly storeRetries: readonly HandleDelivery[]
  readonly keepDeadLetters: HandleDelivery
  readonly deliveryWatch: DeliveryWatch
  readonly waitForOrder: WaitUntilSettled<OrderView>
  readonly waitForChange: WaitUntilSettled<ChangeView>
  readonly whyUnseen: WhyUnseen
  readonly checkReadiness: CheckReadiness
  readonly redrives: Redrive
  readonly previewLetters: PreviewRedrive
  readonly discards: DiscardLetters
  /** Warns operators before they redrive letters from other consumers. */
  readonly warnOfRedrive: WarnOfRedrive
  readonly ledgerVerdict: () => Promise<LedgerVerdict>
  readonly ledgerWatch: LedgerWatch
  readonly repairLedger: RepairLedger
  readonly resetLedger: ResetLedger
  readonly takeOut: TakeOut
  readonly discardChange: DiscardChange
  readonly forgetGroup: ForgetGroup
  readonly forgetCustomer: ForgetCustomer
  readonly rebuildOrders: RebuildOrders
  readonly migrate: Migrate
  /** Undefined if the log removes records itself, or keeps them forever. */
  readonly recordExpiry: RecordExpiry | undefined
  /** Undefined if the store keeps everything forever. */
  readonly storeRetention: StoreRetention | undefined
  readonly backups: Backups
  readonly doctor: Doctor
  readonly pipelineStatus: () => Promise<PipelineStatus>
  readonly pipelineStorage: () => Promise<PipelineStorage>
  readonly pipelineHistory: PipelineHistory
  readonly metrics: Metrics
  /** Undefined if no traces are exported. */
  readonly tracing: Tracing | undefined
  /**
   * Ends everything that is only waiting: holds, backoffs, and requests that wait for an outcome. Disposal then closes
   * the adapters.
   */
  stop(): void
}

/** After a rejection, nothing is left open, not even `begun`. */
export async function openServices(chosen: Config, begun?: Foundation): Promise<Services> {
  const foundation = begun ?? (await openFoundation(chosen))
  try {
    return await wire(chosen, foundation)
  } catch (error) {
    await foundation[Symbol.asyncDispose]()
    throw error
  }
}

async function wire(chosen: Config, foundation: Foundation): Promise<Services> {
  const { logging, events, topics, specs, signal, stop } = foundation
  const { logger } = logging
  const debug = (event: string, words: string) => (error: unknown) => logger.debug({ event, err: error }, words)
  const warn = (event: string, words: string) => (error: unknown) => logger.warn({ event, err: error }, words)
  // The metrics are loaded while the adapters wait for their files and threads, so that they do not delay startup.
  const [adapters, { createMetrics }] = await Promise.all([
    foundation.adapters,
    import('./telemetry/metrics/metrics.ts'),
  ])
  const { log, store, views, deadLetters, ledger, redriveTasks, maintenance, removal, forgetting, diskUsage } = adapters
  const clock = systemClock
  const running = { clock, events, signal }
  logPipeline(events, logger)
  const tracing = await openTracing(chosen, events, logger)
  const retentionMs = chosen.logRetentionMs
  const secrets = chosen.orderIdSecrets ?? (await adapters.orderIdSecrets())
  const orderIds = createOrderIds(secrets)
  const proofs = createRedriveProofs(secrets)

  // Retry tiers also use this group's id, because they update the rows of parked records in this group's ledger.
  const groupId = topics.group
  const publisher = tracing?.tracePublishing(log) ?? log
  const timestampTypeOf = (topic: string) => log.timestampTypeOf(topic)
  const forgottenHere = createForgottenHere()
  const park = createPark({ log: publisher, timestampTypeOf, topics, groupId, forgottenHere, clock, events })
  const isOff = (name: string) => isDisabled(chosen.disabledFunctions, name)
  const publishedHere = isOff('placeOrder') || isOff('consumeOrders') ? undefined : createPublishedHere()
  const storingWith = { originals: { log, ordersTopic: topics.orders }, store, park, groupId, proofs, ...running }
  const storing = (delivered: StoreBatch['delivered']) =>
    createStoreOrders({ ...storingWith, delivered, publishedHere: delivered === 'origin' ? publishedHere : undefined })
  const traced = (source: { topic: string; group: string }, useCase: HandleDelivery) =>
    tracing?.traceProcessing(source, useCase) ?? useCase
  const nowMs = () => clock.now()
  const now = () => new Date(nowMs())
  const accepting = { log: publisher, store, orderIds, topic: topics.orders, events, clock, now }
  const deliveryWatch = createDeliveryWatch({
    log,
    store,
    sources: consumedBy(chosen.disabledFunctions, topics),
    ...running,
    onError: debug('delivery:unknown', 'it could not be determined which records are waiting'),
  })
  const handedOver = (source: { topic: string; group: string }, useCase: HandleDelivery) =>
    deliveryWatch.watched(source.topic, traced(source, useCase))

  const ofLog = { health: async () => withUnreadable(await log.health(), deliveryWatch.unreadable) }
  const keepDeadLetters = createKeepDeadLetters({ originals: storingWith.originals, deadLetters, ...running })
  const checkReadiness = createReadiness({
    log: ofLog,
    store,
    placesOrders: !isOff('placeOrder'),
    answersQueries: !isOff('getOrder'),
  })
  const orderConsumers = createOrderConsumers({ log, topic: topics.orders, groupId: topics.group, clock, signal })
  const onError = debug('consumers:unknown', 'it could not be determined which processes handle orders')
  const pipelineStatus = createStatus({ log, ledger, topics, orderConsumers, checkReadiness, now, onError })
  const ofOrders = { log, ledger, topic: topics.orders, groupId }
  const examineLedger = createExamineLedger(ofOrders)
  const mayHoldAnyOrder = createMayHoldAnyOrder({ log, deadLetters, topics })
  const ledgerVerdict = createLedgerVerdict(examineLedger)
  const ledgerUnasked = debug('ledger:unasked', 'the ledger could not be read to find what is missing')
  const ledgerUnread = debug('ledger:unread', 'the ledger could not be read to find what it has not counted')
  const firstUncounted = createFirstUncounted({ ledger, topics, onError: ledgerUnread })
  const lifeInLog = createLifeInLog({ log, firstUncounted, now: nowMs })

  const storeOrigins = storing('origin')
  const storeOrders = afterLedgerBegan({ ...ofOrders, clock, events, signal }, storeOrigins)
  const keepingRecords = <T>(work: () => Promise<T>) => removal?.keepingRecords(work) ?? work()
  const repairNow = createRepairLedger({ ...ofOrders, storeOrders: storeOrigins, maintenance, now })
  const repairLedger: RepairLedger = (act) => keepingRecords(() => repairNow(act))
  const resetNow = createResetLedger({ ...ofOrders, maintenance, ledgerVerdict, repairLedger })
  const ledgerWatch = createWatchLedger({
    ...ofOrders,
    examineLedger,
    repairLedger,
    ...running,
    onError: warn('ledger:unwatched', 'the ledger could not be checked'),
    onBack: () => logger.info({ event: 'ledger:watched' }, 'the ledger can be checked again'),
  })
  const recordExpiry = createExpireRecords({
    ...ofOrders,
    removal,
    maintenance,
    topics,
    retentionMs,
    lastReset: () => lastResetOf(redriveTasks, topics.orders),
    ...running,
    onKept: (kept) => tellRecordsKept(logger, kept),
    onError: warn('log:not-expired', 'old records could not be removed'),
    onBack: () => logger.info({ event: 'log:expires' }, 'old records can be removed again'),
  })
  const recordsKept = () => recordExpiry?.kept() ?? []

  return {
    ...adapters,
    config: chosen,
    topics,
    orderIds,
    logger,
    events,
    placeOrder: createPlaceOrder({ ...accepting, publishedHere }),
    changeOrder: createChangeOrder({ ...accepting, views }),
    storeOrders: handedOver({ topic: topics.orders, group: topics.group }, storeOrders),
    storeRetries: topics.retries.map((tier) =>
      deliveryWatch.watched(
        tier.topic,
        createStoreRetries({ storeOrders: traced(tier, storing('copy')), delayMs: tier.delayMs, clock, signal }),
      ),
    ),
    keepDeadLetters: handedOver({ topic: topics.deadLetters, group: topics.deadLetterGroup }, keepDeadLetters),
    deliveryWatch,
    waitForOrder: createWaitUntilSettled({ getMany: (ids) => views.getMany(ids), isSettled: isFinal, clock, signal }),
    waitForChange: createWaitUntilSettled({ getMany: (ids) => views.getChanges(ids), isSettled, clock, signal }),
    whyUnseen: createWhyUnseen({ ...ofOrders, examineLedger, mayHoldAnyOrder, clock, onError: ledgerUnasked }),
    checkReadiness,
    redrives: createRedrive({
      log: publisher,
      deadLetters,
      redrives: redriveTasks,
      topics,
      proofs,
      ...running,
      onError: (error) => tellRedriveFailed(logger, error),
      onBack: () => logger.warn({ event: 'redrive:back' }, 'redrives can be carried out again'),
    }),
    previewLetters: createPreviewRedrive({ store, deadLetters }),
    discards: createDiscardLetters({ deadLetters, redrives: redriveTasks, maintenance, now }),
    warnOfRedrive: createRedriveWarning({
      log,
      deadLetters,
      topics,
      onError: warn('readers:unknown', 'the readers of a topic could not be determined'),
    }),
    ledgerVerdict,
    ledgerWatch,
    repairLedger,
    discardChange: createDiscardChange({ ...ofOrders, views, redrives: redriveTasks, examineLedger, events }),
    takeOut: createTakeOut({
      log,
      store,
      maintenance,
      park,
      beginLedger: () => beginLedger(ofOrders),
      proofs,
      topics,
      processing: { storeOrders, storeCopies: storing('copy'), keepDeadLetters },
      ...running,
    }),
    // The new epoch begins at the log start, so no record may leave the log before the epoch begins.
    resetLedger: (...reset) => keepingRecords(() => resetNow(...reset)),
    migrate: createMigrate({ log, maintenance, firstUncounted, topics, specs, retentionMs, now: nowMs }),
    forgetGroup: createForgetGroup({ log, removal, maintenance, topics }),
    forgetCustomer: createForgetCustomer({ log, views, forgetting, forgottenHere, topics }),
    recordExpiry,
    storeRetention: createStoreRetention({
      retention: adapters.retention,
      retentionMs: chosen.storeRetentionMs,
      ...running,
      onError: warn('store:not-removed', 'old rows could not be removed from the store'),
      onBack: () => logger.info({ event: 'store:removes' }, 'old rows can be removed again'),
    }),
    backups: createBackups({ backUp: adapters.backUp, maintenance, now }),
    rebuildOrders: createRebuild({
      log,
      store,
      maintenance,
      topic: topics.orders,
      groupId,
      ...running,
      onError: (error) => logger.error({ event: 'rebuild:failed', err: error }, 'the rebuild was abandoned'),
    }),
    doctor: createDoctor({
      log: { ...log, ...ofLog },
      store,
      maintenance,
      ledgerVerdict,
      orderConsumers,
      clockFaults: () => compareClocks(log, topics.orders, clock.now()),
      lifeInLog,
      recordsKept,
      keptFor: keptFor(chosen),
      topics,
      partitions: chosen.partitions,
      specs,
      versions: { program: API_VERSION, node: process.versions.node },
      role: describeRole(chosen.disabledFunctions, chosen.retryDelaysMs.length),
      contradictions: contradictionsIn(chosen),
      freeSpace: async () => (chosen.runtime === 'embedded' ? freeSpaceIn(chosen.dataDir) : undefined),
    }),
    pipelineStatus,
    pipelineStorage: createStorage({ log, topic: topics.orders, retentionMs, diskUsage, now }),
    pipelineHistory: createPipelineHistory({
      log,
      ledger,
      views,
      topics,
      ...running,
      onError: debug('history:gap', 'the figures for a point in time could not be read'),
    }),
    metrics: createMetrics({
      events,
      topics,
      log,
      checkReadiness,
      ledgerVerdict,
      lifeInLog,
      recordsKept,
      now: nowMs,
      onError: debug('metrics:unanswered', 'a figure could not be read'),
    }),
    tracing,
    stop,
    async [Symbol.asyncDispose]() {
      stop()
      await adapters[Symbol.asyncDispose]()
      await tracing?.[Symbol.asyncDispose]()
      await logging[Symbol.asyncDispose]()
    },
  }
}
