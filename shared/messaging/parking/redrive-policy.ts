import type { RedriveEnding, RedriveTask } from '../../ports/redrives.ts'

/** One letter first, then more as long as they are stored: a mistake costs one order, not ten thousand. */
const STEP_SIZES = [1, 5, 20, 100, 500]

/** A step stops the task when more than this share of it failed again. */
const MAX_FAILED_SHARE = 0.5

/** So long after a step was sent the next may follow: a step is never more than a second's worth. */
export const STEP_INTERVAL_MS = 1000

export type RedriveDecision =
  | { readonly kind: 'send'; readonly letters: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'end'; readonly ending: RedriveEnding }

/**
 * What the task does next, from its outcomes alone. Orders that are being retried count against it until stored: whoever
 * redrives before the cause is mended learns it from the first letter, not minutes later.
 */
export function decideRedrive(task: RedriveTask): RedriveDecision {
  const { sent, pending, retrying, failed } = task.lastStep
  if (failed + retrying > sent * MAX_FAILED_SHARE) {
    const why = `Of the last ${sent} that were sent, ${failed} died again and ${retrying} failed and are being retried.`
    return { kind: 'end', ending: { state: 'stopped', why } }
  }
  if (pending > 0) return { kind: 'wait' }
  if (task.waiting > 0) return { kind: 'send', letters: stepSize(task) }
  // What an earlier run of a resumed task sent may still be on its way.
  return task.pending > 0 ? { kind: 'wait' } : { kind: 'end', ending: { state: 'done' } }
}

function stepSize({ step, waiting, ratePerSecond }: RedriveTask): number {
  const size = STEP_SIZES[Math.min(step, STEP_SIZES.length - 1)] ?? 1
  return Math.min(size, waiting, Math.max(1, ratePerSecond))
}
