import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DAY_MS } from '../../../shared/domain/times.ts'
import { expectForgotten } from '../../support/months/forgotten.ts'
import { breakThings, expectBalanced, expectLittleGrowth, live, type Month } from '../../support/months/life.ts'
import { createOperators } from '../../support/months/operators.ts'
import { expectPoisonKept, expectSettled } from '../../support/months/settlement.ts'
import { createShop } from '../../support/months/shop.ts'
import { createProduct } from '../../support/product/product.ts'
import { createRandom, seedOfThisRun } from '../../support/random.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** To simulate five years, run `MONTHS=60 npx vitest run tests/integration/faults/months.test.ts` by hand. */
const MONTHS = Number(process.env['MONTHS'] ?? 6)
const LIVES_A_MONTH = 2
const DAYS_BETWEEN_LIVES = [5, 25] as const
const RETENTION_DAYS = 15
const CLOCK = join(import.meta.dirname, '../../support/months/other-clock.js')
const SETTINGS = {
  FAULTS: 'on',
  RETRY_DELAYS: '50ms',
  LOG_RETENTION: `${RETENTION_DAYS}d`,
  NODE_OPTIONS: `--import=${CLOCK}`,
}

/**
 * The test sets the process's clock ahead, so that a few days seem to pass between one start and the next. At each
 * start, records that are too old are removed from the log while everything else continues.
 */
test(
  `${MONTHS} months of orders, operators, faults and kills lose nothing, forget what they must, and fill no disk`,
  { timeout: MONTHS * 150_000 },
  async () => {
    const seed = seedOfThisRun()
    const random = createRandom(seed)
    const directory = temporaryDirectory()
    const archive = join(directory, 'archive')
    // The product's clock starts in the past, because `ops` uses the machine's clock and refuses times in the future.
    let aheadMs = -(2 * MONTHS * LIVES_A_MONTH + 2) * DAYS_BETWEEN_LIVES[1] * DAY_MS
    const now = () => Date.now() + aheadMs
    const product = createProduct(join(directory, 'data'), SETTINGS, () => ['env', `CLOCK_AHEAD_MS=${aheadMs}`])
    const host = () => product
    const shop = createShop(host, now)
    const operators = createOperators({ host, shop, now, dayMs: DAY_MS, archive, dataDir: product.dataDir })
    const sizeOf = (name: string) => statSync(join(product.dataDir, name)).size
    const months: Month[] = []
    let lives = 0
    let kills = 0
    let poison = 0

    async function nextLife(): Promise<void> {
      aheadMs += random.whole(...DAYS_BETWEEN_LIVES) * DAY_MS
      lives += 1
      await product.start()
    }

    async function kill(): Promise<void> {
      await product.kill()
      kills += 1
    }

    /** Callers and operators keep working during faults, which end after a while or when the process is killed. */
    async function liveWithFaults(): Promise<void> {
      if (product.isRunning && random.chance(0.3)) await kill()
      else if (product.isRunning) expect(await product.stop()).toBe(0)
      await nextLife()
      const breakage = await breakThings(product, random)
      poison += breakage.poison
      const [isKilled, afterMs] = [random.chance(0.6), random.whole(20, 1500)]
      async function interrupt(): Promise<void> {
        await sleep(afterMs)
        if (!isKilled) return breakage.mend()
        await kill()
        await nextLife()
      }
      await Promise.all([live(shop, operators, seed + 10 * lives), interrupt()])
    }

    try {
      for (let month = 0; month < MONTHS; month += 1) {
        for (let life = 0; life < LIVES_A_MONTH; life += 1) await liveWithFaults()
        await product.breaks({})
        await product.settled()
        await operators.archiveBefore(now() - RETENTION_DAYS * DAY_MS)
        await expectBalanced(product)
        expect(await product.stop()).toBe(0)
        months.push({ log: sizeOf('log.db'), store: sizeOf('orders.db'), accepted: shop.traffic.accepted.size })
      }

      await nextLife()
      await operators.completeForgetting(random)
      await product.settled()
      const settlement = await expectSettled(product, shop, archive)
      await expectPoisonKept(product, poison)
      await expectBalanced(product)
      expect(await product.stop()).toBe(0)
      const gone = expectForgotten(product.dataDir, shop, shop.forgettings)

      // The archive has lost nothing either, and restoring it does not bring back the data of forgotten customers.
      await nextLife()
      await operators.restoreAll()
      expect(await expectSettled(product, shop, archive)).toMatchObject({ archived: 0 })
      await expectBalanced(product)
      expect(await product.stop()).toBe(0)
      expectForgotten(product.dataDir, shop, shop.forgettings)

      console.log(`${JSON.stringify(settlement)}, ${kills} kills, ${gone} marks gone; ${operators.done()}`)
      expectLittleGrowth(months)
      // If any of these never happened, the test would prove nothing.
      for (const count of [kills, gone, poison, settlement.stored, settlement.archived])
        expect(count).toBeGreaterThan(0)
    } catch (error) {
      console.error(`The last output of the product:\n${product.log.slice(-16_384)}`)
      throw new Error(`SEED=${seed}, life ${lives}, last action: ${operators.last()}`, { cause: error })
    } finally {
      if (product.isRunning) await product.kill()
    }
  },
)
