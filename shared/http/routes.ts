import type { HttpMethod } from '@azure/functions'

/**
 * All HTTP routes. Functions are registered from this table, the OpenAPI document is generated from it, and the
 * catch-all derives the Allow header of a 405 from it.
 *
 * The runtime tries functions in alphabetical order and does not prefer literal routes over parameters. So if a
 * parameter has literal siblings, its constraint excludes them, and the catch-all's name sorts last.
 */
export interface Route {
  readonly methods: readonly HttpMethod[]
  /** Includes `api/`, because host.json has an empty routePrefix. */
  readonly route: string
  /** `orders` follows the setting ORDERS_AUTH. */
  readonly access: 'anonymous' | 'orders' | 'function'
}

const READ: readonly HttpMethod[] = ['GET', 'HEAD']
const ORDER_ID = '{orderId:regex(^(?!search$|customersearch$))}'
/**
 * Matches only the empty path. For a function with an empty route, the runtime would use the function's name as the
 * route.
 */
export const HOME = '{home:regex(^$)?}'
const DEAD_LETTER_ID = '{id:regex(^(?!groups$|redrive$|discard$))}'

export const ROUTES = {
  placeOrder: { methods: ['POST'], route: 'api/orders', access: 'orders' },
  placeOrderOriginal: { methods: ['POST'], route: 'api/order', access: 'orders' },
  listOrders: { methods: READ, route: 'api/orders', access: 'orders' },
  searchOrders: { methods: READ, route: 'api/orders/search', access: 'orders' },
  searchCustomers: { methods: READ, route: 'api/orders/customersearch/{text}', access: 'orders' },
  getOrder: { methods: READ, route: `api/orders/${ORDER_ID}`, access: 'orders' },
  amendOrder: { methods: ['PATCH'], route: `api/orders/${ORDER_ID}`, access: 'orders' },
  cancelOrder: { methods: ['POST'], route: `api/orders/${ORDER_ID}/cancel`, access: 'orders' },
  listOrderChanges: { methods: READ, route: `api/orders/${ORDER_ID}/changes`, access: 'orders' },
  getOrderChange: { methods: READ, route: `api/orders/${ORDER_ID}/changes/{changeId}`, access: 'orders' },
  orderHistory: { methods: READ, route: `api/orders/${ORDER_ID}/history`, access: 'orders' },

  forgetCustomer: { methods: ['POST'], route: 'api/customers/{customerId}/forget', access: 'function' },

  listDeadLetters: { methods: READ, route: 'api/dead-letters', access: 'function' },
  deadLetterGroups: { methods: READ, route: 'api/dead-letters/groups', access: 'function' },
  getDeadLetter: { methods: READ, route: `api/dead-letters/${DEAD_LETTER_ID}`, access: 'function' },

  redriveDeadLetters: { methods: ['POST'], route: 'api/dead-letters/redrive', access: 'function' },
  redriveDeadLetter: { methods: ['POST'], route: `api/dead-letters/${DEAD_LETTER_ID}/redrive`, access: 'function' },
  discardDeadLetters: { methods: ['POST'], route: 'api/dead-letters/discard', access: 'function' },
  editDeadLetter: { methods: ['PUT'], route: `api/dead-letters/${DEAD_LETTER_ID}/payload`, access: 'function' },
  discardDeadLetter: { methods: ['POST'], route: `api/dead-letters/${DEAD_LETTER_ID}/discard`, access: 'function' },
  restoreDeadLetter: { methods: ['POST'], route: `api/dead-letters/${DEAD_LETTER_ID}/restore`, access: 'function' },
  deadLetterFixture: { methods: READ, route: `api/dead-letters/${DEAD_LETTER_ID}/fixture`, access: 'function' },
  listRedrives: { methods: READ, route: 'api/redrives', access: 'function' },
  getRedrive: { methods: READ, route: 'api/redrives/{id}', access: 'function' },
  cancelRedrive: { methods: ['POST'], route: 'api/redrives/{id}/cancel', access: 'function' },
  resumeRedrive: { methods: ['POST'], route: 'api/redrives/{id}/resume', access: 'function' },
  audit: { methods: READ, route: 'api/audit', access: 'function' },

  opsStatus: { methods: READ, route: 'api/ops/status', access: 'function' },
  opsHistory: { methods: READ, route: 'api/ops/history', access: 'function' },
  opsStorage: { methods: READ, route: 'api/ops/storage', access: 'function' },
  opsLedger: { methods: READ, route: 'api/ops/ledger', access: 'function' },
  resetLedger: { methods: ['POST'], route: 'api/ops/ledger/reset', access: 'function' },
  rebuildOrders: { methods: ['POST'], route: 'api/ops/rebuild', access: 'function' },
  getRebuild: { methods: READ, route: 'api/ops/rebuild', access: 'function' },
  startBackup: { methods: ['POST'], route: 'api/ops/backup', access: 'function' },
  getBackup: { methods: READ, route: 'api/ops/backup', access: 'function' },
  exportOrders: { methods: READ, route: 'api/ops/archive/orders', access: 'function' },
  archiveOrders: { methods: ['POST'], route: 'api/ops/archive/orders', access: 'function' },
  restoreOrders: { methods: ['POST'], route: 'api/ops/archive/restore', access: 'function' },
  takeOutRecord: { methods: ['POST'], route: 'api/ops/take-out', access: 'function' },
  forgetGroup: { methods: ['POST'], route: 'api/ops/forget-group', access: 'function' },
  discardChange: { methods: ['POST'], route: 'api/ops/changes/{changeId}/discard', access: 'function' },
  migrateStore: { methods: ['POST'], route: 'api/ops/migrate', access: 'function' },
  doctor: { methods: READ, route: 'api/ops/doctor', access: 'function' },
  repairLedger: { methods: ['POST'], route: 'api/ops/ledger/repair', access: 'function' },
  getFaults: { methods: READ, route: 'api/ops/faults', access: 'function' },
  setFaults: { methods: ['POST'], route: 'api/ops/faults', access: 'function' },
  metrics: { methods: READ, route: 'api/metrics', access: 'function' },

  liveness: { methods: READ, route: 'api/health/live', access: 'anonymous' },
  readiness: { methods: READ, route: 'api/health/ready', access: 'anonymous' },

  openApi: { methods: READ, route: 'api/openapi.json', access: 'anonymous' },
  asyncApi: { methods: READ, route: 'api/asyncapi.json', access: 'anonymous' },
  docs: { methods: READ, route: 'docs', access: 'anonymous' },
  docsErrors: { methods: READ, route: 'docs/errors', access: 'anonymous' },
  docsAsset: { methods: READ, route: 'docs/{asset:regex(^(?!errors$))}', access: 'anonymous' },
  dashboard: { methods: READ, route: 'dashboard', access: 'anonymous' },
  dashboardAsset: { methods: READ, route: 'dashboard/{*asset}', access: 'anonymous' },
  home: { methods: READ, route: HOME, access: 'anonymous' },
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof ROUTES

/** Routes that exist only with FAULTS=on. */
export const FAULT_ROUTES: ReadonlySet<string> = new Set<RouteName>(['getFaults', 'setFaults'])

const CONSTRAINT = /^\{\w+:regex\((.*)\)\}$/

/** The methods of all the routes of this process that match the path; empty if no route matches. */
export function allowedMethods(path: string, isServed: (name: string) => boolean = () => true): HttpMethod[] {
  const matching = Object.entries<Route>(ROUTES).filter(([name, { route }]) => isServed(name) && matches(route, path))
  return [...new Set(matching.flatMap(([, { methods }]) => methods))]
}

/** The access level of the route that matches the path; undefined if no route matches. */
export function accessTo(path: string): Route['access'] | undefined {
  return Object.values<Route>(ROUTES).find(({ route }) => matches(route, path))?.access
}

function matches(route: string, path: string): boolean {
  const segments = path.split('/').filter((segment) => segment !== '')
  const expected = route === HOME ? [] : route.split('/')
  const takesMore = expected.at(-1)?.startsWith('{*') ?? false
  if (takesMore ? segments.length < expected.length : segments.length !== expected.length) return false
  return expected.every((part, index) => fits(part, segments[index] ?? ''))
}

function fits(part: string, segment: string): boolean {
  if (!part.startsWith('{')) return part.toLowerCase() === segment.toLowerCase()
  const constraint = CONSTRAINT.exec(part)?.[1]
  return constraint === undefined || new RegExp(constraint, 'i').test(segment)
}
