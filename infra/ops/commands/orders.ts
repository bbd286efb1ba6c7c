import type { ChangeView } from '../../../shared/domain/changes/change-view.ts'
import type { HistoryEntry, OrderView } from '../../../shared/domain/order-view.ts'
import {
  idSegment,
  REASON,
  required,
  requiredReason,
  type Command,
  type CommandContext,
  type Outcome,
} from '../command.ts'
import { PAGE, query, showPage } from '../pages.ts'
import { causeText, toSecond } from '../table.ts'

const FILTERS = {
  status: { type: 'string', help: 'retrying, stored, cancelled, dead-lettered or discarded' },
  customer: { type: 'string', help: 'a customer id' },
  currency: { type: 'string', help: 'EUR, USD or GBP' },
  reference: { type: 'string', help: "the caller's own reference" },
  from: { type: 'string', help: 'accepted at or after this time (RFC 3339)' },
  to: { type: 'string', help: 'accepted before this time' },
  ...PAGE,
} as const

export const getOrder: Command = {
  name: 'orders get',
  usage: '<id>',
  summary: 'one order: its status and its content',
  examples: ['orders get 019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2'],
  takes: 1,
  async run(context) {
    const order = await context.client.request('GET', path(context))
    return { answer: order, words: JSON.stringify(order, null, 2) }
  },
}

export const listOrders: Command = {
  name: 'orders list',
  summary: 'orders, newest first',
  examples: ['orders list --customer 48213', 'orders list --status retrying --json'],
  options: FILTERS,
  run: (context) =>
    showOrders(context, `/api/orders${query(context, Object.keys(FILTERS), { customer: 'customerId' })}`),
}

export const searchOrders: Command = {
  name: 'orders search',
  usage: '<words>',
  summary: 'orders that contain every word, in names, items, codes, e-mail address or id; best match first',
  examples: ['orders search "alex trail"', 'orders search TRK-2041', 'orders search 5d0c1b7a44e2'],
  takes: 1,
  options: PAGE,
  run(context) {
    const words = new URLSearchParams({ q: required(context, 0, 'The search text') }).toString()
    return showOrders(context, `/api/orders/search?${words}${query(context, Object.keys(PAGE)).replace('?', '&')}`)
  },
}

export const orderHistory: Command = {
  name: 'orders history',
  usage: '<id>',
  summary: 'what happened to an order, oldest first',
  examples: ['orders history 019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2'],
  takes: 1,
  async run(context) {
    const header = ['at', 'what', 'change', 'attempt', 'why']
    return showPage<HistoryEntry>(context, `${path(context)}/history`, { header, optional: ['change'] }, (entry) => [
      toSecond(entry.at),
      entry.kind,
      entry.changeId,
      entry.attempt,
      entry.cause === undefined ? entry.reason : causeText(entry.cause),
    ])
  },
}

export const orderChanges: Command = {
  name: 'orders changes',
  usage: '<id>',
  summary: 'the changes to an order, in the order in which they take effect, and what each waits for',
  examples: ['orders changes 019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2'],
  takes: 1,
  options: PAGE,
  run(context) {
    const header = ['id', 'kind', 'status', 'version', 'accepted', 'waits for', 'cause']
    const optional = ['accepted', 'version']
    const address = `${path(context)}/changes${query(context, Object.keys(PAGE))}`
    return showPage<ChangeView>(context, address, { header, optional }, (change) => [
      change.changeId,
      change.kind,
      change.status,
      change.version,
      change.acceptedAt && toSecond(change.acceptedAt),
      waitsFor(change),
      change.cause && causeText(change.cause),
    ])
  },
}

export const discardChange: Command = {
  name: 'orders changes discard',
  usage: '<change id> --reason <text>',
  summary: 'discards a change whose order never arrives; refused while the order may still arrive',
  examples: ['orders changes discard 019e2b6d-11d0-7c55-8a02-3b7f0e6d9a10 --reason "Its order was deleted."'],
  takes: 1,
  options: REASON,
  async run(context) {
    const id = idSegment(context)
    const reason = requiredReason(context)
    const answer = await context.client.request('POST', `/api/ops/changes/${id}/discard`, { reason })
    return { answer, words: `${required(context, 0, 'The id')} is discarded.` }
  },
}

/** What a change waits for: an earlier event of its order, or its own next attempt. */
function waitsFor({ behind, nextAttemptAt }: ChangeView): string | undefined {
  if (behind?.kind === 'order') return `the order, ${behind.status}`
  if (behind?.kind === 'change') return `${behind.changeId}, ${behind.status}`
  return nextAttemptAt && `attempt at ${toSecond(nextAttemptAt)}`
}

function showOrders(context: CommandContext, address: string): Promise<Outcome> {
  const header = ['id', 'status', 'accepted', 'customer', 'total', 'currency', 'cause']
  const optional = ['currency', 'total', 'customer', 'accepted']
  return showPage<OrderView>(context, address, { header, optional }, (order) => [
    order.orderId,
    order.status,
    order.acceptedAt && toSecond(order.acceptedAt),
    order.customerFullName ?? (order.forgotten === true ? 'forgotten' : undefined),
    order.totalPrice,
    order.currencyType,
    order.cause && causeText(order.cause),
  ])
}

function path(context: CommandContext): string {
  return `/api/orders/${idSegment(context)}`
}
