/**
 * Divides a batch of at most `limit` records among partitions, given the number of waiting records in each. Every
 * partition with records gets an equal share before any partition gets more, so a busy partition does not starve the
 * others. `start` is the index of the partition that is served first, and should change from batch to batch.
 */
export function fairShares(waiting: readonly number[], limit: number, start: number): number[] {
  const shares = waiting.map(() => 0)
  let left = limit
  let hungry = waiting.map((_, index) => (index + start) % waiting.length).filter((index) => (waiting[index] ?? 0) > 0)
  while (left > 0 && hungry.length > 0) {
    const each = Math.max(1, Math.floor(left / hungry.length))
    for (const index of hungry) {
      const taken = Math.min(each, left, (waiting[index] ?? 0) - (shares[index] ?? 0))
      shares[index] = (shares[index] ?? 0) + taken
      left -= taken
    }
    hungry = hungry.filter((index) => (shares[index] ?? 0) < (waiting[index] ?? 0))
  }
  return shares
}
