import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Product } from '../product/product.ts'
import { createRandom, type Random } from '../random.ts'
import type { Operators } from './operators.ts'
import { CUSTOMERS, type Shop } from './shop.ts'

const CALLERS = 3
const REQUESTS_OF_CALLER = 15
const MAX_ACTS = 3

/** The sizes of files that have to stop growing, by name. */
export type Sizes = Readonly<Record<string, number>>

/** The callers and operators of one life, which go on whatever happens to the product. Always the same for one seed. */
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
  /** Ends the faults of store and log. The orders of some customers continue to fail. */
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
 * In the last third of the months no file is much larger than in the first. A file that kept everything would be three
 * times as large.
 */
export function expectNoGrowth(empty: Sizes, months: readonly Sizes[]): void {
  console.log(`Sizes: ${JSON.stringify(empty)} when empty, ${JSON.stringify(months)} at the end of each month`)
  const third = Math.ceil(months.length / 3)
  for (const [name, size] of Object.entries(empty)) {
    const largest = (some: readonly Sizes[]) => Math.max(...some.map((sizes) => sizes[name] ?? 0)) - size
    const growth = largest(months.slice(-third)) / largest(months.slice(0, third))
    expect(growth, `the growth of the ${name}`).toBeLessThan(2.5)
  }
}
