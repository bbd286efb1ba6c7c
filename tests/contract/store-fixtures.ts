import { afterEach, beforeEach } from 'vitest'
import type { NewOrderCommand } from '../../shared/domain/order-commands.ts'
import type { OrderChange } from '../../shared/domain/changes/order-changes.ts'
import { bodyHash, CHANGE_TYPES, changeJson, newOrderJson, newOrderOf } from '../../shared/domain/order-events.ts'
import type { Archive } from '../../shared/ports/archive.ts'
import { deadLetterId, type DeadLetter, type DeadLetters } from '../../shared/ports/dead-letters.ts'
import type { Forgetting } from '../../shared/ports/forgetting.ts'
import type { Ledger, LedgerSnapshot } from '../../shared/ports/ledger.ts'
import type { Maintenance } from '../../shared/ports/maintenance.ts'
import type {
  ChangeToStore,
  OrderStore,
  OrderToStore,
  ParkedRecord,
  StoreBatch,
} from '../../shared/ports/order-store.ts'
import type { OrderViews, Page } from '../../shared/ports/order-views.ts'
import type { Act, Redrives } from '../../shared/ports/redrives.ts'
import type { Retention } from '../../shared/ports/retention.ts'
import { memberwise } from '../support/memberwise.ts'
import { orderCommand, testOrderIds } from '../support/orders/orders.ts'

/** An open, empty store, with which every contract suite starts. */
export interface OpenStore extends AsyncDisposable {
  readonly store: OrderStore
  readonly views: OrderViews
  readonly deadLetters: DeadLetters
  readonly ledger: Ledger
  readonly redriveTasks: Redrives
  readonly maintenance: Maintenance
  readonly archive: Archive
  readonly forgetting: Forgetting
  readonly retention: Retention
}

export type OpenEmptyStore = () => Promise<OpenStore>

/** A store that is opened before each test of the suite that calls this, and closed after it. */
export function openForEachTest(open: OpenEmptyStore): OpenStore {
  let opened: OpenStore
  beforeEach(async () => {
    opened = await open()
  })
  afterEach(() => opened[Symbol.asyncDispose]())
  return memberwise(() => opened)
}

/** Features that an adapter may lack. */
export interface StoreFeatures {
  /** Full-text search: accents are ignored, words are found by their prefixes, and results are ranked. */
  readonly fullText: boolean
  /** Words in an e-mail address that contain digits are found by their prefix, not only as a whole. */
  readonly emailDigitsByBeginning: boolean
}

export const GROUP = 'order-processor'
export const ACCEPTED_AT = '2026-01-01T00:00:00.000Z'
export const NOW = '2026-01-01T00:00:05.000Z'
export const LATER = '2026-01-01T00:01:00.000Z'
export const CAUSE = { code: 'store-busy', detail: 'The store was busy.' }

export const FAILED_ELSEWHERE = {
  code: 'failed-elsewhere',
  detail: 'IllegalStateException: Ärger \u{1f525}',
}

export const keyHash = (key: string) => bodyHash(key)

export function place(offset: number, partition = 0) {
  return { topic: 'orders', partition, offset }
}

/** An order to store, and the content of its JSON. */
export interface TestOrder extends OrderToStore {
  readonly order: NewOrderCommand
}

/** An order at offset `offset`, by default in partition 0. */
export function orderAt(
  offset: number,
  changes: Partial<Omit<OrderToStore, 'json'>> & { order?: Partial<NewOrderCommand> } = {},
): TestOrder {
  const order = orderCommand(changes.order)
  return {
    origin: place(offset),
    orderId: testOrderIds.next(Date.parse(ACCEPTED_AT)),
    acceptedAt: ACCEPTED_AT,
    bodyHash: bodyHash(newOrderJson(order)),
    idempotencyKeyHash: null,
    redriveOf: null,
    supersedes: null,
    ...changes,
    order,
    json: newOrderJson(order),
  }
}

/** The order with other content, under the hash of its earlier content. */
export function withContent(order: OrderToStore, content: Partial<NewOrderCommand>): TestOrder {
  const changed = { ...newOrderOf(order.json), ...content }
  return { ...order, order: changed, json: newOrderJson(changed) }
}

/** The record of an order that could not be stored on the first attempt. */
export function parkedFrom(order: OrderToStore, changes: Partial<ParkedRecord> = {}): ParkedRecord {
  return {
    origin: order.origin,
    orderId: order.orderId,
    state: 'retrying',
    attempt: 1,
    maxAttempts: 4,
    nextAttemptAt: LATER,
    cause: CAUSE,
    acceptedAt: order.acceptedAt,
    order: newOrderOf(order.json),
    redriveOf: null,
    ...changes,
  }
}

/** A change to the order. It comes from offset `offset` of partition 0 unless `changes` says otherwise. */
export function changeAt(
  offset: number,
  { orderId }: Pick<OrderToStore, 'orderId'>,
  change: OrderChange,
  changes: Partial<ChangeToStore> = {},
): ChangeToStore {
  return {
    origin: place(offset),
    orderId,
    changeId: testOrderIds.nextChange(orderId, Date.parse(ACCEPTED_AT)),
    acceptedAt: ACCEPTED_AT,
    change,
    bodyHash: bodyHash(changeJson(change)),
    idempotencyKeyHash: null,
    redriveOf: null,
    ...changes,
  }
}

/** The record of a change that could not be stored on the first attempt. */
export function parkedChange(change: ChangeToStore, changes: Partial<ParkedRecord> = {}): ParkedRecord {
  return {
    origin: change.origin,
    orderId: change.orderId,
    state: 'retrying',
    attempt: 1,
    maxAttempts: 4,
    nextAttemptAt: LATER,
    cause: CAUSE,
    acceptedAt: change.acceptedAt,
    order: null,
    redriveOf: change.redriveOf,
    change: {
      changeId: change.changeId,
      kind: change.change.kind,
      change: change.change,
      idempotencyKeyHash: change.idempotencyKeyHash,
    },
    ...changes,
  }
}

export function batchOf(orders: readonly OrderToStore[], changes: Partial<StoreBatch> = {}): StoreBatch {
  return { groupId: GROUP, delivered: 'origin', orders, parked: [], now: NOW, ...changes }
}

export function letterOf(order: OrderToStore, changes: Partial<DeadLetter> = {}): DeadLetter {
  return {
    origin: order.origin,
    orderId: order.orderId,
    key: Buffer.from(order.orderId),
    value: Buffer.from(order.json),
    headers: [['ce_id', Buffer.from(order.orderId)]],
    firstCause: CAUSE,
    lastCause: { code: 'constraint-violated', detail: 'It contains a value that the store does not allow.' },
    attempts: 4,
    firstFailedAt: NOW,
    lastFailedAt: LATER,
    fingerprint: 'f1',
    stack: null,
    consumerGroup: GROUP,
    redriveOf: null,
    recordTimestamp: Date.parse(order.acceptedAt),
    foreign: null,
    ...changes,
  }
}

/** The dead letter of a change. */
export function changeLetterOf(change: ChangeToStore, changes: Partial<DeadLetter> = {}): DeadLetter {
  const { origin, orderId, changeId } = change
  const { kind } = change.change
  return {
    ...letterOf({ ...orderAt(0), origin, orderId, acceptedAt: change.acceptedAt }),
    change: { changeId, kind },
    value: Buffer.from(changeJson(change.change)),
    headers: [
      ['ce_id', Buffer.from(changeId)],
      ['ce_type', Buffer.from(CHANGE_TYPES[kind])],
      ['ce_subject', Buffer.from(orderId)],
    ],
    redriveOf: change.redriveOf,
    ...changes,
  }
}

/** A letter that another consumer wrote at `offset` in the dead-letter topic. */
export function foreignLetterOf(order: OrderToStore, offset: number, changes: Partial<DeadLetter> = {}): DeadLetter {
  return letterOf(order, {
    origin: { topic: 'orders-dlt', partition: 0, offset },
    firstCause: FAILED_ELSEWHERE,
    lastCause: FAILED_ELSEWHERE,
    attempts: 0,
    fingerprint: 'f9',
    consumerGroup: 'billing',
    foreign: { dialect: 'spring', origin: order.origin, exception: 'java.lang.IllegalStateException' },
    ...changes,
  })
}

/** An operator's action, `second` seconds after `LATER`. */
export function actAt(second: number, changes: Partial<Act> = {}): Act {
  const at = new Date(Date.parse(LATER) + second * 1000).toISOString()
  return { operator: 'Kim', verified: false, at, reason: null, ...changes }
}

export const letterIdOf = ({ origin }: Pick<OrderToStore, 'origin'>) => deadLetterId(origin)

/** The items from all pages. */
export async function allPages<T>(load: (cursor: { cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = null
  do {
    const page: Page<T> = await load(cursor === null ? {} : { cursor })
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return items
}

/** The partition's row, and whether the ledger's equation holds for it and the parked records. */
export function lineOf({ partitions, parked }: LedgerSnapshot, partition = 0) {
  const row = partitions.find((one) => one.partition === partition)
  if (row === undefined) return undefined
  const { first, next, stored, duplicate, parked: parkedCount, gaps, absent, lost, redriven } = row
  const parkedOrigins = Object.values(parked).reduce((total, count) => total + count, 0)
  const parkedTotal = partitions.reduce((total, one) => total + one.parked, 0)
  const counted = stored + duplicate + parkedCount + gaps + absent + lost
  const balanced = next - first === counted && parkedOrigins === parkedTotal
  return { first, next, stored, duplicate, parked: parkedCount, gaps, absent, lost, redriven, balanced }
}
