import { rightFor } from './http/rights.ts'
import { FAULT_ROUTES, ROUTES } from './http/routes.ts'
import type { Topics } from './messaging/topics.ts'

/** Functions that every instance serves, regardless of its role. */
const OF_ALL: ReadonlySet<string> = new Set(['liveness', 'readiness', 'metrics', 'home'])

/** The functions of each part of the product, with one `consumeRetry<n>` for each retry tier. */
function parts(tiers: number): Readonly<Record<string, readonly string[]>> {
  const http = Object.keys(ROUTES).filter((name) => !OF_ALL.has(name) && !FAULT_ROUTES.has(name))
  const placing = http.filter((name) => rightFor(name) === 'place')
  const retries = Array.from({ length: tiers }, (_, index) => `consumeRetry${index + 1}`)
  return {
    'placing orders': placing,
    'storing orders': ['consumeOrders', ...retries, 'consumeDeadLetters'],
    'queries and operations': http.filter((name) => !placing.includes(name)),
  }
}

/**
 * Describes for operators, in one or two sentences, what an instance serves. If only some functions of a part are
 * disabled, the description names them. Somebody must have disabled them deliberately, because the product's own lists
 * of disabled functions never split a part.
 */
export function describeRole(disabled: ReadonlySet<string>, tiers: number): string {
  const told = Object.entries(parts(tiers)).map(([part, functions]) => {
    const off = functions.filter((name) => isDisabled(disabled, name))
    return { part, off, served: off.length < functions.length }
  })
  const served = told.filter((part) => part.served)
  const names = served.map(({ part, off }) => (off.length === 0 ? part : `${part} (without ${off.join(', ')})`))
  const others = told.filter((part) => !part.served).map(({ part }) => part)
  const beginning = names.length === 0 ? 'Serves nothing but health and metrics.' : `Serves: ${names.join('; ')}.`
  return others.length === 0 ? beginning : `${beginning} Switched off here: ${others.join('; ')}.`
}

/** The topics that the functions enabled on this instance consume. The delivery watch checks only these topics. */
export function consumedBy(
  disabled: ReadonlySet<string>,
  { orders, group, retries, deadLetters, deadLetterGroup }: Topics,
) {
  return [
    { name: 'consumeOrders', topic: orders, group, delayMs: 0 },
    ...retries.map(({ tier, topic, group, delayMs }) => ({ name: `consumeRetry${tier}`, topic, group, delayMs })),
    { name: 'consumeDeadLetters', topic: deadLetters, group: deadLetterGroup, delayMs: 0 },
  ].filter(({ name }) => !isDisabled(disabled, name))
}

export function isDisabled(disabled: ReadonlySet<string>, name: string): boolean {
  return disabled.has(name.toLowerCase())
}
