import type { Config } from '../settings/config.ts'
import { ROUTES, type Route, type RouteName } from './routes.ts'

/** The rights that a key can grant, narrowest first. */
export type Right = 'metrics' | 'place' | 'read' | 'operate'

/** Callers who may place orders may also change them. */
const PLACES: ReadonlySet<string> = new Set<RouteName>([
  'placeOrder',
  'placeOrderOriginal',
  'amendOrder',
  'cancelOrder',
])

/** The right that a route requires if it needs a key; undefined if no route has this name. */
export function rightFor(name: string): Right | undefined {
  const route = (ROUTES as Readonly<Record<string, Route>>)[name]
  if (route === undefined) return undefined
  if (name === 'metrics') return 'metrics'
  if (PLACES.has(name)) return 'place'
  return route.methods.includes('GET') ? 'read' : 'operate'
}

/** The keys with fewer rights than FUNCTIONS_KEY, which grants all rights. */
export function narrowKeys({ keys }: Pick<Config, 'keys'>): { key: string; opens: (name: string) => boolean }[] {
  return Object.entries(RIGHTS).flatMap(([setting, rights]) => {
    const key = keys[setting as keyof typeof RIGHTS]
    const opens = (name: string) => rights.some((right) => right === rightFor(name))
    return key === undefined ? [] : [{ key, opens }]
  })
}

const RIGHTS: Readonly<Record<keyof Config['keys'], readonly Right[]>> = {
  metrics: ['metrics'],
  place: ['place'],
  read: ['read', 'metrics'],
}
