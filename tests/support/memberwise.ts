/**
 * Looks up each member when it is used, in the object that `current` returns at that moment, for example one that a
 * hook has opened.
 */
export function memberwise<T extends object>(current: () => T): T {
  return new Proxy({} as T, { get: (_, name) => Reflect.get(current(), name) as unknown })
}
