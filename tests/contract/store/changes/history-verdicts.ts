import type { ChangeView } from '../../../../shared/domain/changes/change-view.ts'
import { decide, evolve, type Order } from '../../../../shared/domain/order.ts'
import { isInStore, type OrderView } from '../../../../shared/domain/order-view.ts'
import { deadLetterId } from '../../../../shared/ports/dead-letters.ts'
import type { ChangeToStore } from '../../../../shared/ports/order-store.ts'
import { GROUP, type OpenStore } from '../../store-fixtures.ts'
import { idOf, isChange, isImpostor, type Event, type RandomLog } from './history-log.ts'
import type { Acts } from './history-world.ts'
import { newOrderOf } from '../../../../shared/domain/order-events.ts'

/** The version that the change produced, or why it produced none. */
type Outcome = string | number | undefined

/** What became of an order. */
interface Verdict {
  readonly order:
    | (Pick<OrderView, 'status'> & { version?: number | undefined; customerName?: string | undefined })
    | undefined
  /** In log order. */
  readonly outcomes: readonly (readonly [position: string, Outcome])[]
  /** The changes in the order's history that took effect. */
  readonly applied: readonly (readonly [changeId: string | undefined, version: number | undefined])[]
}

interface Answers {
  readonly orders: ReadonlyMap<string, OrderView>
  readonly changes: ReadonlyMap<string, ChangeView>
}

/** The events of each order as callers sent them, in log order and without repeats. */
function eventsByOrder({ partitions }: RandomLog): ReadonlyMap<string, Event[]> {
  const known = new Set<string>()
  const sent = partitions.flat().filter((event) => {
    if (event.redriveOf !== null || isImpostor(event) || known.has(idOf(event))) return false
    known.add(idOf(event))
    return true
  })
  return Map.groupBy(sent, ({ orderId }) => orderId)
}

async function answersOf({ views }: OpenStore, events: ReadonlyMap<string, Event[]>): Promise<Answers> {
  const changeIds = [...events.values()].flat().filter(isChange).map(idOf)
  return { orders: await views.getMany([...events.keys()]), changes: await views.getChanges(changeIds) }
}

/** The changes that wait although no earlier event of their order is dead-lettered, being retried or still to come. */
export async function waitingForNothing(opened: OpenStore, log: RandomLog): Promise<string[]> {
  const byOrder = eventsByOrder(log)
  const { orders, changes } = await answersOf(opened, byOrder)
  const { partitions } = await opened.ledger.read(GROUP, 'orders', 9)
  const isCounted = ({ origin }: Event) =>
    origin.offset < (partitions.find(({ partition }) => partition === origin.partition)?.next ?? 0)
  const isHeld = (view: ChangeView | undefined) =>
    view?.status === 'dead-lettered' || (view?.status === 'waiting' && view.nextAttemptAt !== undefined)
  return [...byOrder].flatMap(([orderId, events]) => {
    const order = orders.get(orderId)
    if (order === undefined || !isInStore(order)) return []
    const counted = events.filter(isChange).filter(isCounted)
    const held = counted.findIndex(({ changeId }) => isHeld(changes.get(changeId)))
    const inTurn = held < 0 ? counted : counted.slice(0, held)
    return inTurn.map(idOf).filter((changeId) => changes.get(changeId)?.status === 'waiting')
  })
}

/** The outcome that each order must have according to the log and operators' actions, and its actual outcome. */
export async function verdictsOn(
  opened: OpenStore,
  log: RandomLog,
  acts: Acts,
): Promise<{ readonly expected: Verdict[]; readonly actual: Verdict[] }> {
  const byOrder = eventsByOrder(log)
  const answers = await answersOf(opened, byOrder)
  const expected: Verdict[] = []
  const actual: Verdict[] = []
  for (const [orderId, events] of byOrder) {
    const view = answers.orders.get(orderId)
    const history = (await opened.views.history(orderId)) ?? []
    const changes = events.filter(isChange)
    expected.push(fold(events, { poison: log.poison, acts, ...answers }))
    actual.push({
      order: briefly(view),
      outcomes: changes.map((change) => [positionOf(change), outcomeOf(answers.changes.get(change.changeId))]),
      applied: history
        .filter(({ version }) => version !== undefined)
        .map(({ changeId, version }) => [changeId, version]),
    })
  }
  return { expected, actual }
}

const positionOf = ({ origin }: Event) => deadLetterId(origin)
const outcomeOf = (view: ChangeView | undefined): Outcome =>
  view?.status === 'rejected' ? view.cause?.code : (view?.version ?? view?.status)

/** The part of a view to compare: only the status unless the order is stored. */
function briefly(view: OrderView | undefined): Verdict['order'] {
  if (view === undefined) return undefined
  const { status, version, customerName } = view
  return isInStore(view) ? { status, version, customerName } : { status }
}

interface Known extends Answers {
  readonly poison: RandomLog['poison']
  readonly acts: Acts
}

/** Applies an order's events one after another, except those that an operator discarded. */
function fold(events: readonly Event[], known: Known): Verdict {
  let order: Order | undefined
  const outcomes: [string, Outcome][] = []
  const applied: [string, number][] = []
  for (const event of events) {
    if (!isChange(event)) {
      if (!isGone(event.orderId, known)) order = evolve(undefined, { kind: 'placed', content: newOrderOf(event.json) })
      continue
    }
    const explained = explainedOutcome(event, events, known)
    const decided =
      explained === undefined && order !== undefined ? decide(order, event.change, event.acceptedAt) : undefined
    if (decided === undefined) outcomes.push([positionOf(event), explained ?? 'order-discarded'])
    else if (decided.kind === 'refused') outcomes.push([positionOf(event), decided.code])
    else {
      order = evolve(order, decided)
      outcomes.push([positionOf(event), order.version])
      applied.push([event.changeId, order.version])
    }
  }
  if (order === undefined) return { order: { status: 'discarded' }, outcomes, applied }
  const { version, cancellation, content } = order
  const status = cancellation === undefined ? 'stored' : 'cancelled'
  return { order: { status, version, customerName: content.customerName }, outcomes, applied }
}

/** True if the order was never stored. */
function isGone(orderId: string, { poison, acts, orders }: Known): boolean {
  return poison.has(orderId) || (acts.discarded.has(orderId) && orders.get(orderId)?.status === 'discarded')
}

/** A change and the other changes to the same order, in log order. */
interface Case extends Known {
  readonly change: ChangeToStore
  readonly earlier: readonly ChangeToStore[]
  readonly later: readonly ChangeToStore[]
}

/** The outcomes that do not follow from the state of the order, and the condition under which each one is right. */
const EXPLANATIONS: Readonly<Record<string, (of: Case) => boolean>> = {
  discarded: ({ change, acts }) => acts.discarded.has(change.changeId),
  'order-discarded': ({ change, acts }) => acts.discarded.has(change.orderId),
  'earlier-change-discarded': ({ earlier, acts }) => earlier.some(({ changeId }) => acts.discarded.has(changeId)),
  overtaken: ({ change, later, acts, changes }) =>
    acts.restored.has(change.changeId) && later.some(({ changeId }) => changes.get(changeId)?.status === 'applied'),
  // The change was decided before an operator restored an earlier one.
  'version-conflict': ({ earlier, acts }) => earlier.some(({ changeId }) => acts.restored.has(changeId)),
  'idempotency-key-reused': ({ change, earlier, later, changes }) =>
    [...earlier, ...later].some(
      ({ changeId, idempotencyKeyHash }) =>
        idempotencyKeyHash === change.idempotencyKeyHash &&
        outcomeOf(changes.get(changeId)) !== 'idempotency-key-reused',
    ),
}

/** The outcome of a change, if something other than the state of the order explains it. */
function explainedOutcome(change: ChangeToStore, events: readonly Event[], known: Known): Outcome {
  if (known.poison.has(change.changeId)) return 'discarded'
  const outcome = outcomeOf(known.changes.get(change.changeId))
  const changes = events.filter(isChange)
  const at = changes.indexOf(change)
  const others = { earlier: changes.slice(0, at), later: changes.slice(at + 1) }
  const isExplained = typeof outcome === 'string' && EXPLANATIONS[outcome]?.({ change, ...others, ...known })
  return isExplained === true ? outcome : undefined
}
