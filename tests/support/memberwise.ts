/** Takes each member, when it is used, from the object that `current` then returns, such as one that a hook opened. */
export function memberwise<T extends object>(current: () => T): T {
  return new Proxy({} as T, { get: (_, name) => Reflect.get(current(), name) as unknown })
}
