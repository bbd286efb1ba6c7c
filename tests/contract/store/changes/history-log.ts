import type { OrderChange } from '../../../../shared/domain/changes/order-changes.ts'
import type { ChangeToStore, OrderToStore } from '../../../../shared/ports/order-store.ts'
import type { Random } from '../../../support/random.ts'
import { changeAt, keyHash, orderAt, place } from '../../store-fixtures.ts'

export type Event = OrderToStore | ChangeToStore
export const isChange = (event: Event): event is ChangeToStore => 'changeId' in event
export const isOrder = (event: Event): event is OrderToStore => !isChange(event)
/** The id of the change, or of the order. */
export const idOf = (event: Event) => (isChange(event) ? event.changeId : event.orderId)

export const NAMES = ['Ada', 'Berta', 'Carla', 'Dora', 'Emma', 'Frida']
const IMPOSTOR = 'Mallory'
const PARTITIONS = 2
const ORDERS = 4
const EVENTS = 90

export interface RandomLog {
  /** The records of each partition. Redriven records are appended. */
  readonly partitions: readonly Event[][]
  /** The ids of orders and changes that are never stored, because their records cannot be read. */
  readonly poison: ReadonlySet<string>
}

/** Whether this is a change with the id of an earlier change, but different content. */
export const isImpostor = (event: Event) =>
  isChange(event) && event.change.kind === 'amend' && event.change.amendment.customerName === IMPOSTOR

/** Orders and changes in a random sequence, records that were published twice, and conflicts of every kind. */
export function randomLog(random: Random): RandomLog {
  const partitions = Array.from({ length: PARTITIONS }, (): Event[] => [])
  const poison = new Set<string>()
  const placed: OrderToStore[] = []

  function append(partition: number, eventAt: (offset: number) => Event): Event {
    const log = partitions[partition]!
    const event = eventAt(log.length)
    log.push({ ...event, origin: place(log.length, partition) })
    return event
  }

  function placeOrder(): void {
    const order = append(placed.length % PARTITIONS, (offset) => orderAt(offset)) as OrderToStore
    placed.push(order)
    if (random.chance(0.05)) poison.add(order.orderId)
  }

  function randomChange(): OrderChange {
    const expectedVersion = random.chance(0.2) ? { expectedVersion: random.whole(1, 4) } : {}
    if (random.chance(0.05)) return { kind: 'cancel', ...expectedVersion }
    return { kind: 'amend', amendment: { customerName: random.pick(NAMES) }, ...expectedVersion }
  }

  function change(): void {
    const index = random.whole(0, placed.length - 1)
    const order = placed[index]!
    const key = random.chance(0.1) ? { idempotencyKeyHash: keyHash(`${index} ${random.whole(1, 2)}`) } : {}
    const event = append(index % PARTITIONS, (offset) => changeAt(offset, order, randomChange(), key))
    if (random.chance(0.03)) poison.add(idOf(event))
  }

  /** Acts like a producer that did not learn that a record was in the log, and therefore publishes it again. */
  function repeat(): void {
    const partition = random.whole(0, PARTITIONS - 1)
    const log = partitions[partition]!
    if (log.length > 0) append(partition, () => random.pick(log))
  }

  function impersonate(): void {
    const partition = random.whole(0, PARTITIONS - 1)
    const known = partitions[partition]!.filter(isChange).filter(({ changeId }) => !poison.has(changeId))
    if (known.length === 0) return
    const { orderId, changeId } = random.pick(known)
    const other: OrderChange = { kind: 'amend', amendment: { customerName: IMPOSTOR } }
    append(partition, (offset) => changeAt(offset, { orderId }, other, { changeId }))
  }

  for (let index = 0; index < EVENTS; index += 1) {
    if (placed.length === 0 || (placed.length < ORDERS && random.chance(0.2))) placeOrder()
    else if (random.chance(0.08)) repeat()
    else if (random.chance(0.03)) impersonate()
    else change()
  }
  return { partitions, poison }
}
