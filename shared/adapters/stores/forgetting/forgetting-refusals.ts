/** Tells an operator why a customer cannot be forgotten now. */
export const REBUILD_RUNS =
  'A rebuild is running, and its new tables may contain the customer’s personal data. Wait until it has ended, then forget the customer.'

/** Why a rebuild whose process died cannot be continued. */
export const REBUILD_ABANDONED = 'It was abandoned, and a customer has been forgotten since.'

/** The target that the audit entry names. */
export function forgottenTarget(customerId: number): string {
  return `customer:${customerId}`
}
