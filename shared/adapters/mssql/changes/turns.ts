import { isOrderError, OrderError } from '../../../domain/errors.ts'
import type { ChangeKind, OrderChange } from '../../../domain/changes/order-changes.ts'
import { reapply, type AppliedChange, type Order } from '../../../domain/order.ts'
import { orderWords } from '../../../domain/search/search-words.ts'
import { takeTurns, type UndecidedChange, type Verdict } from '../../../domain/changes/turns.ts'
import type { RecordPosition } from '../../../ports/event-log.ts'
import type { UndecidableChange } from '../../../ports/order-store.ts'
import type { ChangeState } from '../../stores/change-rows.ts'
import { decideApart, type Decided } from '../../stores/decide-apart.ts'
import { int, json, type Row } from '../database/connection.ts'
import type { Query } from '../database/query.ts'
import { fromSqlId, fromSqlTime, toSqlAmount, toSqlTime } from '../database/values.ts'
import { toItemsJson } from '../orders/content-json.ts'
import { toAggregates, toUnstored, type StoredOrder } from '../orders/view-rows.ts'
import { SELECT_TURNS, TAKE_TURNS } from './turns-sql.ts'

/** Applies or rejects the changes whose turn has come, in a separate transaction after the one that recorded them. */
export interface Turns {
  /**
   * Applies or rejects the changes of each order one after the other, until one has to wait. If an order was lost and
   * has been stored again from its record, first reapplies the changes that had been applied to it. Idempotent.
   */
  take(orderIds: readonly string[], now: string): Promise<Taken>
  /** The states of these changes. Unknown ids are left out. */
  statesOf(changeIds: readonly string[]): Promise<ReadonlyMap<string, ChangeState>>
  /** Reads the orders. Each comes with its first undecided changes, at most `limit` per order. */
  read(orderIds: readonly string[], limit?: number): Promise<Turn[]>
  /** Whether the tables allow the order in this state, tested in a transaction that is rolled back. */
  allows(turn: Turn, after: Order): Promise<boolean>
}

export interface Taken {
  /** The states of the changes that were decided or left waiting. */
  readonly states: ReadonlyMap<string, ChangeState>
  /** The changes that could not be decided. */
  readonly undecided: readonly UndecidableChange[]
}

/** An order as it was read, with its first undecided changes. */
export interface Turn {
  readonly orderId: string
  /** Undefined if the order is not stored. */
  readonly stored: StoredOrder | undefined
  /**
   * The order on which the decisions about its changes are based. If the order was lost and has since been stored again
   * from its record, this also includes the changes that had been applied before the loss.
   */
  readonly order: Order | undefined
  readonly isDiscarded: boolean
  readonly changes: readonly Undecided[]
}

export interface Undecided extends UndecidedChange {
  readonly turn: number
  readonly kind: ChangeKind
  readonly isToldToWait: boolean
  readonly origin: RecordPosition
}

interface Decision {
  readonly turn: Turn
  readonly after: Order | undefined
  readonly verdicts: readonly Verdict[]
  readonly undecided?: UndecidableChange | undefined
}

/** Limits that keep a transaction below the number of rows at which SQL Server escalates locks. */
const ORDERS_AT_ONCE = 100
const CHANGES_AT_ONCE = 20
/** An attempt fails if another instance has changed the order since it was read. */
const MAX_ATTEMPTS = 20

export function createTurns(query: Query): Turns {
  async function read(orderIds: readonly string[], limit = CHANGES_AT_ONCE): Promise<Turn[]> {
    const parameters = { ids: json(orderIds), changeIds: json([]), limit: int(limit) }
    const [, changes = [], states = [], orders = [], items = [], lost = []] = await query(SELECT_TURNS, parameters)
    const ofOrders = Map.groupBy(changes, (row) => fromSqlId(String(row['order_id'])))
    const stored = toAggregates(orders, items)
    const lostOf = Map.groupBy(lost, (row) => fromSqlId(String(row['order_id'])))
    const discarded = new Set(
      toUnstored(states).flatMap(({ view }) => (view.status === 'discarded' ? [view.orderId] : [])),
    )
    return orderIds.map((orderId) => ({
      orderId,
      stored: stored.get(orderId),
      order: restored(stored.get(orderId)?.order, lostOf.get(orderId) ?? []),
      isDiscarded: discarded.has(orderId),
      changes: (ofOrders.get(orderId) ?? []).map(toUndecided),
    }))
  }

  /** Returns the decisions that were written: all but those about orders that have changed since they were read. */
  async function write(decisions: readonly Decision[], now: string, preview = false): Promise<Decision[]> {
    if (decisions.length === 0) return []
    const batch = json({ now: toSqlTime(now), preview, ...toTurnsJson(decisions) })
    const [rows = []] = await query(TAKE_TURNS, { batch })
    const sound = new Set(rows.flatMap((row) => (row['is_sound'] === true ? [Number(row['i'])] : [])))
    return decisions.filter((_, i) => sound.has(i))
  }

  async function isAllowed(decision: Decision, now: string): Promise<boolean> {
    try {
      await write([{ ...decision, verdicts: [] }], now, true)
      return true
    } catch (error) {
      if (!isOrderError(error) || error.code !== 'constraint-violated') throw error
      return false
    }
  }

  /** Evaluates the changes one by one, to find those that violate constraints and the one for which our code fails. */
  async function takeApart(turn: Turn, now: string): Promise<Decision> {
    const { order, verdicts, failure } = await decideEach(turn.order, turn.changes, turn.isDiscarded, (after) =>
      isAllowed({ turn, after, verdicts: [] }, now),
    )
    const change = failure && turn.changes.find(({ changeId }) => changeId === failure.changeId)
    return { turn, after: order, verdicts, undecided: failure && change && { ...failure, origin: change.origin } }
  }

  /** If one order makes the statement fail, nothing is written. Each order is then written on its own. */
  async function writeAll(decisions: readonly Decision[], now: string): Promise<Decision[]> {
    try {
      return await write(decisions, now)
    } catch (error) {
      if (isOrderError(error) && error.code !== 'constraint-violated') throw error
    }
    const written: Decision[] = []
    for (const decision of decisions) {
      const isSound = (await unlessBug(isAllowed(decision, now))) === true
      written.push(...(await write([isSound ? decision : await takeApart(decision.turn, now)], now)))
    }
    return written
  }

  /** If our code fails, the changes are evaluated one by one to find the one at fault. */
  async function decide(turn: Turn, now: string): Promise<Decision> {
    try {
      const { order, verdicts } = takeTurns(turn.order, turn.changes, turn.isDiscarded)
      return { turn, after: order, verdicts }
    } catch {
      return takeApart(turn, now)
    }
  }

  async function takeSome(orderIds: readonly string[], now: string, { states, undecided }: Collected): Promise<void> {
    let pending = orderIds
    for (let attempt = 0; pending.length > 0; attempt += 1) {
      if (attempt === MAX_ATTEMPTS) {
        throw new OrderError('store-busy', 'Other instances keep changing the same orders.', { retriable: true })
      }
      const decisions: Decision[] = []
      for (const turn of await read(pending)) decisions.push(await decide(turn, now))
      const written = await writeAll(decisions.filter(isNews), now)
      const done = [...written, ...decisions.filter((decision) => !isNews(decision))]
      for (const decision of done) {
        for (const [changeId, state] of statesIn(decision)) states.set(changeId, state)
        if (decision.undecided !== undefined) undecided.push(decision.undecided)
      }
      const finished = new Set(done.filter(isWhole).map(({ turn }) => turn.orderId))
      pending = pending.filter((orderId) => !finished.has(orderId))
      if (finished.size < done.length) attempt = -1
    }
  }

  return {
    read,
    async take(orderIds, now) {
      const taken: Collected = { states: new Map(), undecided: [] }
      for (let start = 0; start < orderIds.length; start += ORDERS_AT_ONCE) {
        await takeSome(orderIds.slice(start, start + ORDERS_AT_ONCE), now, taken)
      }
      return taken
    },
    async statesOf(changeIds) {
      if (changeIds.length === 0) return new Map()
      const [rows = []] = await query(SELECT_TURNS, { ids: json([]), changeIds: json(changeIds), limit: int(0) })
      return new Map(rows.map((row) => [fromSqlId(String(row['change_id'])), row['state'] as ChangeState]))
    },
    allows: (turn, after) => isAllowed({ turn, after, verdicts: [] }, new Date().toISOString()),
  }
}

function toUndecided(row: Row): Undecided {
  const event = row['event'] as string | null
  const turn = Number(row['turn'])
  return {
    changeId: fromSqlId(String(row['change_id'])),
    turn,
    kind: row['kind'] as ChangeKind,
    state: row['state'] === 'waiting' ? 'ready' : 'held',
    acceptedAt: row['accepted_at'] === null ? '' : fromSqlTime(row['accepted_at'] as Date),
    change: event === null ? null : (JSON.parse(event) as OrderChange),
    isOvertaken: turn < Number(row['last_applied'] ?? 0),
    isToldToWait: row['waits_told'] === true,
    origin: {
      topic: String(row['origin_topic']),
      partition: Number(row['origin_partition']),
      offset: Number(row['origin_offset']),
    },
  }
}

/** If another instance changed the order between the two reads, its version has changed, and nothing is written. */
function restored(order: Order | undefined, lost: readonly Row[]): Order | undefined {
  const missing = lost.filter((row) => order !== undefined && Number(row['version']) > order.version)
  return order === undefined || missing.length === 0 ? order : (reapply(order, missing.map(toApplied)) ?? order)
}

export function toApplied(row: Row): AppliedChange {
  return {
    change: JSON.parse(String(row['event'])) as OrderChange,
    acceptedAt: fromSqlTime(row['accepted_at'] as Date),
  }
}

interface Collected {
  readonly states: Map<string, ChangeState>
  readonly undecided: UndecidableChange[]
}

/** Runs `decideApart`, asking `isAllowed` about each new state of the order. */
export async function decideEach(
  order: Order | undefined,
  changes: readonly UndecidedChange[],
  isDiscarded: boolean,
  isAllowed: (after: Order) => Promise<boolean>,
): Promise<Decided> {
  const search = decideApart(order, changes, isDiscarded)
  let step = search.next()
  while (step.done !== true) {
    const allowed = await unlessBug(isAllowed(step.value.after))
    step = typeof allowed === 'boolean' ? search.next(allowed) : search.throw(allowed.bug)
  }
  return step.value
}

/**
 * Returns the result, or the error if our own code failed. Rejects with any other error, such as one from an outage of
 * the store.
 */
async function unlessBug<T>(work: Promise<T>): Promise<T | { readonly bug: unknown }> {
  try {
    return await work
  } catch (error) {
    if (isOrderError(error)) throw error
    return { bug: error }
  }
}

/**
 * The changes that have to wait, except those whose history already says so. They come after the changes that were
 * decided, because takeTurns decides the first changes and leaves the rest.
 */
function waitingOf({ turn, verdicts }: Decision): Undecided[] {
  return turn.changes.slice(verdicts.length).filter(({ state, isToldToWait }) => state === 'ready' && !isToldToWait)
}

function isNews(decision: Decision): boolean {
  const isRestored = decision.turn.order !== decision.turn.stored?.order
  return isRestored || decision.verdicts.length > 0 || waitingOf(decision).length > 0
}

/** False if the decision covers as many changes as one read can return, because the order may then have more. */
function isWhole({ verdicts }: Decision): boolean {
  return verdicts.length < CHANGES_AT_ONCE
}

function statesIn({ turn, verdicts }: Decision): (readonly [changeId: string, state: ChangeState])[] {
  const waiting = turn.changes.slice(verdicts.length).filter(({ state }) => state === 'ready')
  return [
    ...verdicts.map(({ changeId, kind }) => [changeId, kind === 'applied' ? 'applied' : 'rejected'] as const),
    ...waiting.map(({ changeId }) => [changeId, 'waiting'] as const),
  ]
}

/** The decisions as the JSON that TAKE_TURNS reads. */
function toTurnsJson(decisions: readonly Decision[]) {
  const changed = decisions.flatMap(({ turn: { orderId, stored }, after }, i) =>
    stored === undefined || after === undefined || after === stored.order
      ? []
      : [{ i, orderId, before: stored.order, after }],
  )
  return {
    turns: decisions.map((decision, i) => ({ i, ...toTurnJson(decision) })),
    verdicts: decisions
      .flatMap(({ turn, verdicts }, i) =>
        verdicts.map((verdict, k) => ({ i, ...toVerdictJson(verdict, turn.changes[k]) })),
      )
      .map((verdict, n) => ({ n, ...verdict })),
    waits: decisions
      .flatMap((decision, i) => waitingOf(decision).map(({ changeId }) => ({ i, changeId })))
      .map((wait, n) => ({ n, ...wait })),
    items: changed.flatMap(({ i, before, after }) =>
      hasOtherItems(before, after) ? toItemsJson(i, after.content.orderItems) : [],
    ),
    ...toWordsJson(changed),
  }
}

function toTurnJson({ turn: { orderId, stored, changes }, after, verdicts }: Decision) {
  const seen = { seenVersion: stored?.order.version, seenForgotten: stored?.order.content.forgotten === true }
  const shared = { orderId, seq: stored?.seq, ...seen, hasItems: false }
  const turn = { ...shared, lastTurn: changes[verdicts.length - 1]?.turn }
  if (stored === undefined || after === undefined || after === stored.order) return turn
  const { customerName, customerLastName, customerEmail, shippingAddress, billingAddress } = after.content
  return {
    ...turn,
    version: after.version,
    customerName,
    customerLastName,
    customerEmail,
    shippingAddress,
    billingAddress,
    totalPrice: toSqlAmount(after.content.totalPrice),
    paymentMethod: after.content.paymentMethodType,
    cancelledAt: after.cancellation === undefined ? null : toSqlTime(after.cancellation.at),
    cancellationReason: after.cancellation?.reason ?? null,
    hasItems: hasOtherItems(stored.order, after),
  }
}

function hasOtherItems(before: Order, after: Order): boolean {
  return before.content.orderItems !== after.content.orderItems
}

function toVerdictJson(verdict: Verdict, change: Undecided | undefined) {
  const { changeId } = verdict
  if (verdict.kind === 'refused') return { changeId, state: 'rejected', told: 'change-rejected', ...verdict.cause }
  return {
    changeId,
    state: 'applied',
    told: change?.kind === 'cancel' ? 'cancelled' : 'amended',
    version: verdict.version,
  }
}

/**
 * The words that each order no longer has, or has in another role, and all words that it has now. A changed order
 * therefore has all the words that the current rule yields, and a reindex adds none.
 */
function toWordsJson(changed: readonly { i: number; orderId: string; before: Order; after: Order }[]) {
  const gone: [i: number, word: string][] = []
  const words: [i: number, word: string, inName: 0 | 1][] = []
  for (const { i, orderId, before, after } of changed) {
    const now = orderWords(orderId, after.content)
    for (const [word, inName] of orderWords(orderId, before.content)) if (now.get(word) !== inName) gone.push([i, word])
    for (const [word, inName] of now) words.push([i, word, inName ? 1 : 0])
  }
  return { gone, words }
}
