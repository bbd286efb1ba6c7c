import type { RedriveEnding, RedriveTask } from '../../ports/redrives.ts'

/**
 * The first step redrives one letter, and each later step redrives more, so that a mistake affects one order and not
 * ten thousand.
 */
const STEP_SIZES = [1, 5, 20, 100, 500]

/** The task stops when more than this share of a step's letters has failed again. */
const MAX_FAILED_SHARE = 0.5

/** The minimum time between two steps. A step contains at most one second's worth of letters. */
export const STEP_INTERVAL_MS = 1000

export type RedriveDecision =
  | { readonly kind: 'send'; readonly letters: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'end'; readonly ending: RedriveEnding }

/**
 * Decides the task's next move from its outcomes alone. Orders that are being retried count as failed until they are
 * stored, so a redrive that starts before the cause is fixed stops at its first letter, not minutes later.
 */
export function decideRedrive(task: RedriveTask): RedriveDecision {
  const { sent, pending, retrying, failed } = task.lastStep
  if (failed + retrying > sent * MAX_FAILED_SHARE) {
    const why = `Letters sent in the last step: ${sent}; dead-lettered again: ${failed}; failed and being retried: ${retrying}.`
    return { kind: 'end', ending: { state: 'stopped', why } }
  }
  if (pending > 0) return { kind: 'wait' }
  if (task.waiting > 0) return { kind: 'send', letters: stepSize(task) }
  // If the task was resumed, letters that its earlier run sent may still be in transit.
  return task.pending > 0 ? { kind: 'wait' } : { kind: 'end', ending: { state: 'done' } }
}

function stepSize({ step, waiting, ratePerSecond }: RedriveTask): number {
  const size = STEP_SIZES[Math.min(step, STEP_SIZES.length - 1)] ?? 1
  return Math.min(size, waiting, Math.max(1, ratePerSecond))
}
