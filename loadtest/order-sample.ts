export type OrderSample = ReturnType<typeof createOrderSample>

/**
 * At most `limit` paths of accepted orders and changes, spread evenly over the run. The sample first keeps every path,
 * then every second one, every fourth one, and so on: whenever the sample is full, every other path is dropped.
 */
export function createOrderSample(limit: number) {
  let kept: string[] = []
  let stride = 1
  let seen = 0
  return {
    add(path: string) {
      if (seen % stride === 0) kept.push(path)
      seen += 1
      if (kept.length <= limit) return
      kept = kept.filter((_, index) => index % 2 === 0)
      stride *= 2
    },
    get paths(): readonly string[] {
      return kept
    },
  }
}
