import type { LedgerGap, LedgerLoss, LogBreak, LossCause } from '../../ports/ledger.ts'
import { lengthOf } from './ledger-gaps.ts'
import type { LedgerVerdict } from './ledger.ts'

/** At most this many offset ranges are listed in a sentence. */
const MAX_PLACES = 10

/** Why offsets were lost. Each text completes a sentence whose subject is the offsets. */
export const HOW_LOST: Readonly<Record<LossCause, string>> = {
  'log-start': 'left the log before they were counted',
  hole: 'are missing from the log, and there is no evidence that they never held records',
}

/** Why the ledger does not balance, one clause for each reason; empty if it balances. */
export function faultsIn(verdict: Omit<LedgerVerdict, 'balanced' | 'summary'>): string[] {
  const { partitions, totals, parked, gaps, damaged, lost, brokenBy } = verdict
  const faults = partitions.flatMap((line) => {
    const where = `partition ${line.partition} of ${line.topic}`
    if (line.toCome < 0) {
      return [`${where} ends at ${line.end}, before ${line.next}: the log was truncated or recreated`]
    }
    return line.balanced ? [] : [`the figures for ${where} do not add up`]
  })
  if (brokenBy !== null && !partitions.some(({ toCome }) => toCome < 0)) faults.unshift(breakOf(brokenBy, partitions))
  if (totals.lost > 0) faults.push(`${totals.lost} offsets are lost: they ${lossOf(lost, totals.lost)}`)
  if (totals.damaged > 0) faults.push(placesOf(totals.damaged, 'damaged in the log', damaged))
  if (totals.gaps > 0) faults.push(placesOf(totals.gaps, 'passed over', gaps))
  const parkedOrigins = Object.values(parked).reduce((total, count) => total + count, 0)
  if (parkedOrigins !== totals.parked) {
    faults.push(`${totals.parked} records were parked, but the state of ${parkedOrigins} is known`)
  }
  return faults
}

function placesOf(count: number, what: string, ranges: readonly LedgerGap[]): string {
  const subject = count === 1 ? '1 record was' : `${count} records were`
  return `${subject} ${what}${at(ranges, count, offsetsOf)}`
}

/** Reported even if the log has since grown past the counted offsets. */
function breakOf(brokenBy: LogBreak, [line]: LedgerVerdict['partitions']): string {
  const topic = line?.topic ?? 'the topic'
  return brokenBy === 'replaced'
    ? `${topic} is not the log that was counted: it was recreated, or a mirror took its place`
    : `${topic} ended before what was counted: it was truncated or recreated, and has grown since`
}

/**
 * Says how and where these offsets were lost, in words that complete a sentence. `count` is how many were lost in all.
 */
export function lossOf(lost: readonly LedgerLoss[], count = lengthOf(lost)): string {
  const causes = new Set(lost.map(({ lostBy }) => lostBy))
  const how = [...causes].map((cause) => HOW_LOST[cause]).join(', or ')
  return `${how}${at(lost, count, placeOf)}`
}

/** Empty if no offset is known, for example because the log was replaced. */
function at<Range extends LedgerGap>(ranges: readonly Range[], count: number, nameOf: (range: Range) => string) {
  if (ranges.length === 0) return ''
  const some = ranges.slice(0, MAX_PLACES)
  return `, at ${some.map(nameOf).join(', ')}${count > lengthOf(some) ? ', …' : ''}`
}

/** `orders 0:20–39`: topic, partition, first and last offset. */
function placeOf(loss: LedgerLoss): string {
  return `${loss.topic} ${offsetsOf(loss)}`
}

function offsetsOf({ partition, from, to }: LedgerGap): string {
  return `${partition}:${from}${to - from > 1 ? `–${to - 1}` : ''}`
}
