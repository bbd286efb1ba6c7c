import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Product } from '../product/product.ts'
import { createRandom, type Random } from '../random.ts'
import type { Operators } from './operators.ts'
import { CUSTOMERS, type Shop } from './shop.ts'

const CALLERS = 3
const REQUESTS_OF_CALLER = 15
const MAX_ACTS = 3

/** The state at the end of a month: the sizes of the files in bytes, and how many orders were accepted up to then. */
export interface Month {
  readonly log: number
  readonly store: number
  readonly accepted: number
}

/**
 * Runs the callers and operators until they have sent all their requests, whatever happens to the product meanwhile.
 * With the same seed, they make the same choices.
 */
export async function live(shop: Shop, operators: Operators, seed: number): Promise<void> {
  const random = createRandom(seed)
  async function operate(): Promise<void> {
    for (let left = random.whole(1, MAX_ACTS); left > 0;) {
      if (await operators.act(random)) left -= 1
      else await sleep(200)
    }
  }
  await Promise.all([
    operate(),
    ...Array.from({ length: CALLERS }, (_, caller) => shop.call(createRandom(seed + 1 + caller), REQUESTS_OF_CALLER)),
  ])
}

export interface Breakage {
  /** The number of records that nobody can read. */
  readonly poison: number
  /** Switches off the faults in the store and the log. The orders of some customers continue to fail. */
  mend(): Promise<void>
}

export async function breakThings(product: Product, random: Random): Promise<Breakage> {
  const poison = random.chance(0.5) ? random.whole(1, 3) : 0
  const throwForCustomers = CUSTOMERS.filter(() => random.chance(0.2))
  await product.breaks({ poison })
  await product.breaks({
    store: random.pick(['ok', 'ok', 'ok', 'down', 'busy', 'slow']),
    slowMs: random.whole(10, 200),
    log: random.chance(0.1) ? 'down' : 'ok',
    throwForCustomers,
  })
  return { poison, mend: () => product.breaks({ throwForCustomers }) }
}

export async function expectBalanced(product: Product): Promise<void> {
  const { balanced, gaps, lost, totals } = await product.ledger()
  expect({ balanced, gaps, lost, toCome: totals.toCome }).toEqual({ balanced: true, gaps: [], lost: [], toCome: 0 })
}

/**
 * How much each file would grow, in bytes per accepted order, if nothing were ever removed (measured over six months).
 */
const GROWTH_IF_KEPT = { log: 3_600, store: 2_500 }

/**
 * Checks that after a third of the months, each file grows clearly less than it would if nothing were ever removed. The
 * store may grow, because the tombstones of archived orders and the dead letters stay.
 */
export function expectLittleGrowth(months: readonly Month[]): void {
  console.log(`At the end of each month: ${JSON.stringify(months)}`)
  const [first, last] = [months[Math.ceil(months.length / 3) - 1], months.at(-1)] as [Month, Month]
  for (const file of ['log', 'store'] as const) {
    const growth = (last[file] - first[file]) / (last.accepted - first.accepted)
    expect(growth, `the growth of the ${file} in bytes for each order`).toBeLessThan(0.8 * GROWTH_IF_KEPT[file])
  }
}
