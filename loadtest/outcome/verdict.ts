import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerVerdict } from '../../shared/application/ledger/ledger.ts'
import type { OrderView } from '../../shared/domain/order-view.ts'
import type { LedgerChange, Verdict } from './result.ts'
import { ask, TargetError, type Target } from '../target.ts'

/** The run as seen by the load test: command counts, and the paths of orders and changes to look up. */
export interface Claim {
  readonly sent: number
  /** Orders and changes; `changes` is the number of changes among them. */
  readonly accepted: number
  readonly changes: number
  readonly paths: readonly string[]
}

const ASK_AGAIN_MS = 250
const AT_ONCE = 16
/** The final states of orders and changes. */
const FINAL = new Set(['stored', 'cancelled', 'dead-lettered', 'discarded', 'lost', 'applied', 'rejected'])

/** Undefined if the target has no function key. Throws `TargetError` if the key is refused. */
export async function readLedger(target: Target): Promise<LedgerVerdict | undefined> {
  if (target.key === undefined) return undefined
  const { status, body } = await ask(target, '/api/ops/ledger')
  if (status === 200) return body as LedgerVerdict
  throw new TargetError(`${target.url}/api/ops/ledger answered ${status}.`)
}

/** The number of records without an outcome; 0 without a function key. */
async function onTheirWay(target: Target): Promise<number> {
  const ledger = await readLedger(target)
  return ledger === undefined ? 0 : ledger.totals.toCome + ledger.parked.retrying
}

/**
 * Waits until every record has an outcome, but for at most `limitSeconds`. Resolves with the number of seconds that it
 * waited.
 */
export async function drain(target: Target, limitSeconds: number, signal: AbortSignal): Promise<number> {
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  for (;;) {
    const waiting = await onTheirWay(target)
    if (waiting === 0 || passed() >= limitSeconds) return passed()
    await sleep(ASK_AGAIN_MS, undefined, { signal })
  }
}

/** Like `drain`, but throws `TargetError` if records remain at the end, because the measurement would be incomplete. */
export async function drainFully(target: Target, limitSeconds: number, signal: AbortSignal): Promise<number> {
  const seconds = await drain(target, limitSeconds, signal)
  const waiting = await onTheirWay(target)
  if (waiting > 0) throw new TargetError(`${waiting} orders were still on their way after ${limitSeconds} s.`)
  return seconds
}

/**
 * The outcome of all accepted orders, based on the ledger, which counts every record, and on looking up a sample of
 * orders by id, which does not depend on counts.
 */
export async function judge(
  target: Target,
  before: LedgerVerdict | undefined,
  claim: Claim,
  limitSeconds: number,
  signal: AbortSignal,
) {
  const drained = await drain(target, limitSeconds, signal)
  const began = performance.now()
  // If there is a ledger, `drain` has already waited until the orders were processed.
  const patience = before === undefined ? limitSeconds : 1
  const { views, unknown, open } = await lookFor(target, claim.paths, patience, signal)
  const asked = before === undefined ? (performance.now() - began) / 1000 : 0

  const after = await readLedger(target)
  const ledger = before && after ? changeBetween(before, after) : null
  const drainSeconds = Math.round((drained + asked) * 100) / 100
  const verdict: Verdict = { ...summed(claim, ledger, unknown, open), drainSeconds }
  return { verdict, stored: views.filter(({ storedAt }) => storedAt !== undefined) }
}

/** Looks up each order and change until it is in a final state or time runs out. */
async function lookFor(target: Target, paths: readonly string[], limitSeconds: number, signal: AbortSignal) {
  const deadline = performance.now() + limitSeconds * 1000
  const views: OrderView[] = []
  let open = paths
  let unknown = 0
  for (;;) {
    const still: string[] = []
    unknown = 0
    for (let from = 0; from < open.length; from += AT_ONCE) {
      const some = open.slice(from, from + AT_ONCE)
      const answers = await Promise.all(some.map((path) => ask(target, path)))
      for (const [index, { status, body }] of answers.entries()) {
        const view = body as OrderView
        if (status === 200 && FINAL.has(view.status)) views.push(view)
        else still.push(some[index] ?? '')
        if (status === 404) unknown += 1
      }
    }
    open = still
    if (open.length === 0 || performance.now() >= deadline) return { views, unknown, open: open.length }
    await sleep(ASK_AGAIN_MS, undefined, { signal })
  }
}

export function changeBetween(before: LedgerVerdict, after: LedgerVerdict): LedgerChange {
  const change = (of: (ledger: LedgerVerdict) => number) => of(after) - of(before)
  return {
    balanced: after.balanced,
    summary: after.summary,
    accepted: change(({ totals }) => totals.accepted),
    stored: change(({ totals, parked }) => totals.stored + parked.stored),
    duplicate: change(({ totals, parked }) => totals.duplicate + parked.duplicate),
    dead: change(({ parked }) => parked.dead),
    retrying: after.parked.retrying,
    gaps: change(({ totals }) => totals.gaps + totals.damaged),
    toCome: after.totals.toCome,
  }
}

/** `unknown` counts the orders whose lookup returned 404; `open` counts those and the orders without a final state. */
export function summed(
  claim: Claim,
  ledger: LedgerChange | null,
  unknown: number,
  open: number,
): Omit<Verdict, 'drainSeconds'> {
  const pending = ledger === null ? open - unknown : ledger.toCome + ledger.retrying
  // If the ledger counts nothing as pending, every order must be found. Otherwise some orders may not be stored yet.
  const missing = ledger !== null && pending === 0 ? open : unknown
  const neverLogged = ledger === null ? 0 : Math.max(0, claim.accepted - ledger.accepted)
  const lost = Math.max(neverLogged + (ledger?.gaps ?? 0), missing)
  const { sent, accepted, changes, paths } = claim
  const verdict = { sent, accepted, ledger, lost, pending, checked: paths.length, missing }
  return { ...verdict, summary: inWords(verdict, changes) }
}

function inWords(
  { accepted, ledger, lost, pending, checked }: Omit<Verdict, 'drainSeconds' | 'summary'>,
  changes: number,
): string {
  const ofThem = changes === 0 ? '' : ` (${changes} of them changes to orders)`
  const what = changes === 0 ? 'orders' : 'orders and changes'
  if (lost > 0) return `${lost} of ${accepted} accepted ${what} are lost.`
  if (pending !== null && pending > 0) return `${pending} ${what} are still on their way. None is known to be lost.`
  const found = `${checked} of them looked up by id and found`
  if (ledger === null)
    return `No order is known to be lost: ${accepted} accepted${ofThem}, ${found}. Without a key, the ledger cannot be read.`
  // The responses to these orders were cut off at the end, or the orders came from other callers.
  const more = ledger.accepted - accepted
  const unheard = more > 0 ? `; the log has ${more} more, whose answers did not arrive here` : ''
  const balance = ledger.balanced ? 'the ledger balances' : 'but the ledger does not balance'
  return `Nothing lost: ${accepted} accepted${ofThem}, ${ledger.stored} stored, ${ledger.dead} dead-lettered, ${found}${unheard}; ${balance}.`
}
