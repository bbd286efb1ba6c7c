import { randomInt } from 'node:crypto'

/** Random choices that a seed makes repeatable. */
export interface Random {
  /** At least 0 and less than 1. */
  next(): number
  /** An integer from `min` to `max`, both included. */
  whole(min: number, max: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

/** The seed of this run, which is printed so that `SEED=<seed> npx vitest run <file>` repeats its choices. */
export function seedOfThisRun(): number {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))
  console.log(`SEED=${seed}`)
  return seed
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('There is nothing to pick from.')
      return list[Math.floor(next() * list.length)] as T
    },
  }
}
