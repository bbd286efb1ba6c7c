/**
 * Remembers the latest entries: at least `count`, and fewer than twice as many. Two Maps take turns, because one Map
 * that loses its oldest entry for each new one becomes slow: V8 finds the oldest by walking over the deleted ones.
 */
export function createLatest<V>(count: number) {
  let recent = new Map<string, V>()
  let earlier = new Map<string, V>()
  return {
    get: (key: string): V | undefined => recent.get(key) ?? earlier.get(key),
    set(key: string, value: V): void {
      recent.set(key, value)
      if (recent.size < count) return
      earlier = recent
      recent = new Map()
    },
    clear(): void {
      recent.clear()
      earlier.clear()
    },
  }
}
