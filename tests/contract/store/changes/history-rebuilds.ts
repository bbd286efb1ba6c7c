import { expect } from 'vitest'
import { STORE_STATUSES } from '../../../../shared/domain/order-view.ts'
import { NO_PROGRESS, type RebuildStep } from '../../../../shared/ports/maintenance.ts'
import type { Random } from '../../../support/random.ts'
import { actAt, GROUP, type OpenStore } from '../../store-fixtures.ts'
import { idOf, NAMES, type Event, type RandomLog } from './history-log.ts'

const CHUNK = 25

/** Everything that queries return. */
async function everything({ views, ledger }: OpenStore, log: RandomLog) {
  const orderIds = [...new Set(log.partitions.flat().map(({ orderId }) => orderId))]
  const listed = await Promise.all(
    [{}, ...STORE_STATUSES.map((status) => ({ status }))].map((query) => views.list({ limit: 50, ...query })),
  )
  const found = await Promise.all(NAMES.map((q) => views.search({ q, limit: 50, customersOnly: true })))
  const changes = await Promise.all(orderIds.map((orderId) => views.changes(orderId, { limit: 200 })))
  const histories = await Promise.all(orderIds.map((orderId) => views.history(orderId)))
  return {
    orders: await views.getMany(orderIds),
    listed,
    found,
    changes,
    histories,
    ledger: await ledger.read(GROUP, 'orders', 9),
  }
}

interface Running {
  readonly instance: OpenStore
  readonly owner: string
  /** The records that have not been projected yet. */
  readonly records: Event[]
}

export interface Rebuilds {
  isRunning(): boolean
  /** Takes the next step of the rebuild, or the first step of a new one. */
  step(): Promise<void>
  /** Runs a whole rebuild, from its first step to the one that swaps the tables. */
  run(): Promise<void>
}

/** Rebuilds the read model from the log in steps, and expects that no step changes the result of a query. */
export function createRebuilds(instances: readonly OpenStore[], log: RandomLog, random: Random): Rebuilds {
  let count = 0
  let running: Running | undefined
  const isRunning = () => running !== undefined
  const stepOf = (owner: string): RebuildStep => ({
    owner,
    at: new Date().toISOString(),
    leaseMs: 3_600_000,
    logStarts: [],
    progress: NO_PROGRESS,
  })

  async function begin(): Promise<void> {
    count += 1
    const [instance, owner] = [random.pick(instances), `rebuild ${count}`]
    await instance.maintenance.beginRebuild(stepOf(owner), actAt(0))
    running = { instance, owner, records: log.partitions.flat().filter((event) => !log.poison.has(idOf(event))) }
  }

  async function goOn({ instance, owner, records }: Running, ending: 'swap' | 'abandon'): Promise<void> {
    const { maintenance } = instance
    const some = records.splice(0, CHUNK)
    if (some.length > 0) {
      const outcomes = await maintenance.projectOrders(stepOf(owner), GROUP, some)
      expect(outcomes.filter((outcome) => outcome === 'lost' || outcome === 'refused')).toEqual([])
      return
    }
    if (random.chance(0.3)) {
      await maintenance.completeOrders(stepOf(owner), 3)
      return
    }
    if (ending === 'swap') await maintenance.swapOrders(stepOf(owner))
    else await maintenance.abandonRebuild(owner, 'A test.', actAt(0).at)
    running = undefined
  }

  async function step(ending: 'swap' | 'abandon'): Promise<void> {
    const before = await everything(instances[0]!, log)
    await (running === undefined ? begin() : goOn(running, ending))
    for (const instance of instances) expect(await everything(instance, log)).toEqual(before)
  }

  return {
    isRunning,
    step: () => step(random.chance(0.2) ? 'abandon' : 'swap'),
    async run() {
      do await step('swap')
      while (isRunning())
    },
  }
}
