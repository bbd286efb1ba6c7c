import type { RedriveTask } from '../ports/redrives.ts'

/** One letter first, then more as long as they are stored: a mistake costs one order, not ten thousand. */
const STEP_SIZES = [1, 5, 20, 100, 500]

/** A step stops the task when more than this share of it failed again. */
const MAX_FAILED_SHARE = 0.5

export type RedriveDecision =
  | { readonly kind: 'send'; readonly letters: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'done' }
  | { readonly kind: 'stop'; readonly why: string }

/** What the task does next, from its outcomes alone. Orders that are being retried count against it until stored. */
export function decideRedrive(task: RedriveTask): RedriveDecision {
  const { sent, pending, retrying, failed } = task.lastStep
  const failing = failed + retrying
  if (sent > 0 && failing > sent * MAX_FAILED_SHARE) {
    return { kind: 'stop', why: `${failing} of the last ${sent} failed again.` }
  }
  if (pending > 0) return { kind: 'wait' }
  if (task.waiting === 0) return { kind: 'done' }
  const size = STEP_SIZES[Math.min(task.step, STEP_SIZES.length - 1)] ?? 1
  return { kind: 'send', letters: Math.min(size, task.waiting, Math.max(1, task.ratePerSecond)) }
}
