/** An object with the members of the object that `current` returns when they are used, such as one that a hook opened. */
export function memberwise<T extends object>(current: () => T): T {
  return new Proxy({} as T, { get: (_, name) => Reflect.get(current(), name) as unknown })
}
