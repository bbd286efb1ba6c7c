import { describe, expect, test } from 'vitest'
import { createRandom, seedOfThisRun } from '../../support/random.ts'
import { GROUP, lineOf, type OpenStore } from '../store-fixtures.ts'
import { randomLog } from './changes/history-log.ts'
import { createRebuilds } from './changes/history-rebuilds.ts'
import { verdictsOn, waitingForNothing } from './changes/history-verdicts.ts'
import { createWorld } from './changes/history-world.ts'

/** An empty store that two instances have open. */
export interface TwoInstances extends AsyncDisposable {
  readonly one: OpenStore
  readonly other: OpenStore
}

/** Whatever happens along the way, the store ends up matching the log. */
export function changeHistoriesContract(name: string, open: () => Promise<TwoInstances>): void {
  describe(`${name} with random histories of changes`, () => {
    const seed = seedOfThisRun()
    test.for([1, 2, 3, 4])('each order is the fold of its events in log order (%i)', async (run) => {
      const random = createRandom(seed + run)
      await using opened = await open()
      const { one, other } = opened
      const log = randomLog(random)
      // The product starts the ledger before it parks anything.
      await one.ledger.begin(GROUP, 'orders', new Map(log.partitions.map((_, partition) => [partition, 0])), null)
      const world = createWorld([one, other], log, random)
      const rebuilds = createRebuilds([one, other], log, random)

      async function step(): Promise<boolean> {
        const rebuild = rebuilds.isRunning() || (world.isFaulty() && random.chance(0.05)) ? [() => rebuilds.step()] : []
        const choices = [...world.choices(), ...rebuild]
        if (choices.length === 0) return false
        await random.pick(choices)()
        world.tick()
        return true
      }

      while (await step()) {
        const after = `after step ${world.steps}`
        const ledger = await one.ledger.read(GROUP, 'orders', 9)
        for (const { partition } of ledger.partitions) {
          expect(lineOf(ledger, partition), after).toMatchObject({ gaps: 0, balanced: true })
        }
        expect(await waitingForNothing(one, log), after).toEqual([])
      }
      await rebuilds.run()
      const { expected, actual } = await verdictsOn(other, log, world)
      expect(actual).toEqual(expected)
      expect((await one.ledger.read(GROUP, 'orders', 9)).waiting).toBe(0)
      expect(await one.deadLetters.count({ state: 'dead' })).toBe(0)
    })
  })
}
