import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRedrive, type Redrive } from '../../../../shared/application/dead-letters/redrive.ts'
import { OrderError } from '../../../../shared/domain/errors.ts'
import { newOrderJson } from '../../../../shared/domain/order-events.ts'
import { createRedriveProofs } from '../../../../shared/messaging/parking/redrive-proof.ts'
import { createTopics } from '../../../../shared/messaging/topics.ts'
import { deadLetterId, type DeadLetter } from '../../../../shared/ports/dead-letters.ts'
import type { RecordToPublish } from '../../../../shared/ports/event-log.ts'
import type { OrderToStore } from '../../../../shared/ports/order-store.ts'
import type { Redrives, RedriveTask } from '../../../../shared/ports/redrives.ts'
import { openSqlite } from '../../../contract/open-sqlite.ts'
import { actAt, batchOf, letterOf, orderAt, parkedFrom, type OpenStore } from '../../../contract/store-fixtures.ts'
import { createRecordingLog, logIsAway } from '../../../support/fakes.ts'
import { delivered, messageOf, newOrder, orderCommand, orderIn } from '../../../support/orders/orders.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const TOPICS = createTopics('orders', 'order-processor', [1000])

describe('a redrive', () => {
  let opened: OpenStore
  let clock: ReturnType<typeof createVirtualClock>
  let log: ReturnType<typeof createRecordingLog>
  let redrive: Redrive
  let errors: unknown[]
  let stopping: AbortController
  let nextOffset: number
  /** The processor's outcome for a record of the orders topic. */
  let outcomeOf: (order: OrderToStore) => 'stored' | 'dead' | 'retrying' | 'open'
  /** The times at which records were sent, and how many were sent each time. */
  let bursts: { atMs: number; records: number }[]

  beforeEach(async () => {
    opened = await openSqlite()
    clock = createVirtualClock()
    log = createRecordingLog()
    stopping = new AbortController()
    errors = []
    bursts = []
    nextOffset = 100_000
    outcomeOf = () => 'stored'
    redrive = createRedriveOf()
  })
  afterEach(async () => {
    stopping.abort()
    await opened[Symbol.asyncDispose]()
  })

  function createRedriveOf(signal = stopping.signal, redrives: Redrives = opened.redriveTasks): Redrive {
    const publish = async (topic: string, records: readonly RecordToPublish[]) => {
      const positions = await log.publish(topic, records)
      bursts.push({ atMs: clock.now(), records: records.length })
      for (const record of records) await process(record)
      return positions
    }
    return createRedrive({
      log: { publish },
      deadLetters: opened.deadLetters,
      redrives,
      topics: TOPICS,
      proofs: createRedriveProofs(['a secret for tests only']),
      clock,
      signal,
      onError: (error) => errors.push(error),
      onBack: () => errors.push('back'),
    })
  }

  async function process(record: RecordToPublish): Promise<void> {
    const origin = { topic: 'orders', partition: 0, offset: nextOffset++ }
    const order = orderIn(delivered(record, origin), origin)
    const outcome = outcomeOf(order)
    if (outcome === 'open') return
    if (outcome === 'stored') {
      await opened.store.storeBatch(batchOf([order], { delivered: 'copy' }))
      return
    }
    const parked = parkedFrom(order, { state: outcome, redriveOf: order.redriveOf })
    await opened.store.storeBatch(batchOf([], { delivered: 'copy', parked: [parked] }))
    if (outcome === 'dead') await opened.deadLetters.keep([letterOf(order, { redriveOf: order.redriveOf })])
  }

  /** Keeps letters, in ascending order of offsets, as if their orders had been dead-lettered. */
  async function keep(count: number, changes: Partial<DeadLetter> = {}): Promise<string[]> {
    const letters = Array.from({ length: count }, (_, offset) => {
      const event = newOrder()
      const { key, value, headers } = delivered(messageOf(event), { offset })
      return letterOf(orderAt(offset, { orderId: event.orderId }), { key, value, headers, ...changes })
    })
    await opened.deadLetters.keep(letters)
    return letters.map(({ origin }) => deadLetterId(origin))
  }

  async function runUntil(taskId: string, isReached: (task: RedriveTask) => boolean): Promise<RedriveTask> {
    const running = redrive.run()
    for (;;) {
      const task = await opened.redriveTasks.get(taskId)
      if (task === undefined) throw new Error('The task is gone.')
      if (!isReached(task)) continue
      stopping.abort()
      await running
      return task
    }
  }
  const hasEnded = ({ state }: RedriveTask) => state !== 'running'

  it('sends one letter first, then larger steps, and is done when all of them are stored', async () => {
    await keep(150)
    const { id } = await redrive.start({}, 500, actAt(0))
    expect(await runUntil(id, hasEnded)).toMatchObject({ state: 'done', total: 150, resolved: 150 })
    expect(bursts.map(({ records }) => records)).toEqual([1, 5, 20, 100, 24])
    expect(errors).toEqual([])
  })

  it('never exceeds its rate', async () => {
    await keep(60)
    const { id } = await redrive.start({}, 10, actAt(0))
    await runUntil(id, hasEnded)
    for (const { atMs } of bursts) {
      const within = bursts.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1000)
      expect(within.reduce((sum, { records }) => sum + records, 0)).toBeLessThanOrEqual(10)
    }
  })

  it('sends key, value and headers unchanged, marked with the letter', async () => {
    const [letterId = ''] = await keep(1)
    const letter = await opened.deadLetters.get(letterId)
    const { id } = await redrive.start({ ids: [letterId] }, 1, actAt(0))
    await runUntil(id, hasEnded)
    expect(log.published).toEqual([
      {
        topic: 'orders',
        record: {
          key: letter?.key,
          value: letter?.value,
          headers: [
            ...(letter?.headers ?? []),
            ['oep-redrive-of', letterId],
            ['oep-redrive-proof', expect.stringMatching(/^[0-9a-f]{64}$/)],
          ],
        },
      },
    ])
  })

  it('stops when the first letter dies again, and says why', async () => {
    await keep(10)
    outcomeOf = () => 'dead'
    const { id } = await redrive.start({}, 500, actAt(0))
    const task = await runUntil(id, hasEnded)
    expect(task).toMatchObject({ state: 'stopped', failed: 1, waiting: 9, resolved: 0 })
    expect(task.why).toBe('Letters sent in the last step: 1; dead-lettered again: 1; failed and being retried: 0.')
    expect((await opened.redriveTasks.audit({ limit: 1 })).items).toMatchObject([
      { action: 'stop', target: id, operator: 'redrive', reason: task.why },
    ])
  })

  it('stops when more than half of a step dies again', async () => {
    await keep(200)
    let seen = 0
    outcomeOf = () => (++seen > 26 && seen % 3 > 0 ? 'dead' : 'stored')
    const { id } = await redrive.start({}, 500, actAt(0))
    const task = await runUntil(id, hasEnded)
    expect(task).toMatchObject({ state: 'stopped', waiting: 200 - 126, lastStep: { sent: 100 } })
    expect(task.failed + task.resolved).toBe(126)
  })

  it('continues past a few letters that die again, and leaves them dead under their new ids', async () => {
    await keep(26)
    let seen = 0
    outcomeOf = () => (++seen === 3 ? 'dead' : 'stored')
    const { id } = await redrive.start({}, 500, actAt(0))
    expect(await runUntil(id, hasEnded)).toMatchObject({ state: 'done', resolved: 25, failed: 1 })
    const { items } = await opened.deadLetters.list({ limit: 9, state: 'dead' })
    expect(items).toMatchObject([{ redriveOf: 'orders:0:2' }])
  })

  it('sends nothing more while an outcome is open', async () => {
    await keep(10)
    outcomeOf = () => 'open'
    const { id } = await redrive.start({}, 500, actAt(0))
    const startMs = clock.now()
    await runUntil(id, () => clock.now() > startMs + 60_000)
    expect(bursts).toHaveLength(1)
    expect(await opened.redriveTasks.get(id)).toMatchObject({ state: 'running', pending: 1, waiting: 9 })
  })

  it('continues when the log is back, with the letters that it could not send', async () => {
    await keep(6)
    let refusals = 3
    log.refuseWith(() => (refusals-- > 0 ? logIsAway() : undefined))
    const { id } = await redrive.start({}, 500, actAt(0))
    expect(await runUntil(id, hasEnded)).toMatchObject({ state: 'done', resolved: 6 })
    expect(errors).toEqual([expect.objectContaining({ code: 'log-unavailable' }), 'back'])
    expect(bursts.map(({ records }) => records)).toEqual([1, 5])
  })

  it('is continued by another process when its own dies in mid-step', async () => {
    await keep(6)
    const dying = new AbortController()
    const { id } = await redrive.start({}, 500, actAt(0))
    // The process sends the letters, and dies before it can record that it did.
    const markSent = async () => {
      dying.abort()
      throw new Error('It is gone.')
    }
    await createRedriveOf(dying.signal, { ...opened.redriveTasks, markSent }).run()
    expect(bursts).toHaveLength(1)
    expect(await runUntil(id, hasEnded)).toMatchObject({ state: 'done', total: 6, resolved: 6, skipped: 0 })
    expect(bursts.map(({ records }) => records)).toEqual([1, 5])
  })

  it('stops at a letter that is too large, names it, and has sent the others', async () => {
    await keep(6)
    const tooLarge = new OrderError(
      'record-too-large',
      'A record for the topic orders, including its headers, is larger than 2 MiB.',
    )
    const third = (await opened.deadLetters.get('orders:0:2'))?.key
    log.refuseWith((_, records) => (records.some(({ key }) => sameBytes(key, third)) ? tooLarge : undefined))
    const { id } = await redrive.start({}, 500, actAt(0))
    const task = await runUntil(id, hasEnded)
    expect(task).toMatchObject({ state: 'stopped', resolved: 2, waiting: 4 })
    expect(task.why).toBe(
      'orders:0:2 cannot be sent: A record for the topic orders, including its headers, is larger than 2 MiB. Edit or discard it.',
    )
  })

  it.each([
    ['of an earlier orders topic', 'orders-of-2025'],
    ['that other producers wrote to the dead-letter topic', TOPICS.deadLetters],
  ])('sends letters %s to the orders topic', async (_, topic) => {
    const [letterId = ''] = await keep(1, { origin: { topic, partition: 0, offset: 7 } })
    const { id } = await redrive.start({ ids: [letterId] }, 1, actAt(0))
    expect(await runUntil(id, hasEnded)).toMatchObject({ state: 'done', resolved: 1 })
    expect(log.published[0]?.topic).toBe('orders')
  })

  describe('that is an edit', () => {
    const mended = orderCommand({ customerName: 'Mended' })

    it('sends the edited order in the letter’s place, under the order’s id', async () => {
      const [letterId = ''] = await keep(1, { value: Buffer.from('{') })
      const letter = await redrive.edit(letterId, mended, actAt(0, { reason: 'typing error' }))
      expect(letter).toMatchObject({ state: 'resolved', value: new Uint8Array([0x7b]) })
      expect(Buffer.from(letter.editedValue ?? []).toString()).toBe(newOrderJson(mended))
      expect(await opened.views.get(letter.orderId ?? '')).toMatchObject({
        status: 'stored',
        recovered: true,
        customerName: 'Mended',
      })
    })

    it('describes the edited payload, whatever the original’s headers said', async () => {
      const [letterId = ''] = await keep(1)
      const { orderId } = (await opened.deadLetters.get(letterId)) ?? {}
      const other = letterOf(orderAt(1, { orderId: orderId ?? '' }), {
        headers: [
          ['ce_type', Buffer.from('OldOrder.v0')],
          ['ce_time', Buffer.from('2020-01-01T00:00:00.000Z')],
        ],
      })
      await opened.deadLetters.keep([other])
      await redrive.edit('orders:0:1', mended, actAt(0))
      const headers = new Map(log.published[0]?.record.headers)
      expect(Object.fromEntries(headers)).toEqual({
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_type: 'NewOrder.v1',
        ce_id: orderId,
        ce_time: new Uint8Array(Buffer.from('2020-01-01T00:00:00.000Z')),
        'oep-redrive-of': 'orders:0:1',
        'oep-supersedes': 'orders:0:1',
        'oep-redrive-proof': expect.stringMatching(/^[0-9a-f]{64}$/),
      })
    })

    it('drops an Idempotency-Key that belongs to another order', async () => {
      const keyHash = 'ab'.repeat(32)
      const event = newOrder({ idempotencyKeyHash: keyHash })
      const { key, value, headers } = delivered(messageOf(event), { offset: 0 })
      const lastCause = { code: 'idempotency-key-reused', detail: 'Its Idempotency-Key belongs to another order.' }
      const letter = letterOf(orderAt(0, { orderId: event.orderId }), { key, value, headers, lastCause })
      await opened.store.storeBatch(batchOf([orderAt(9, { idempotencyKeyHash: keyHash })]))
      await opened.deadLetters.keep([letter])
      expect(await redrive.edit('orders:0:0', mended, actAt(0))).toMatchObject({ state: 'resolved' })
    })

    it('is recorded, and its letter stays dead, when the log refused it; a second edit is harmless', async () => {
      const [letterId = ''] = await keep(1)
      log.refuseWith(() => logIsAway())
      await expect(redrive.edit(letterId, mended, actAt(0))).rejects.toMatchObject({ code: 'log-unavailable' })
      expect(await opened.deadLetters.get(letterId)).toMatchObject({ state: 'dead' })
      expect((await opened.redriveTasks.audit({ limit: 9 })).items).toMatchObject([{ action: 'edit' }])
      log.refuseWith(() => undefined)
      expect(await redrive.edit(letterId, mended, actAt(1))).toMatchObject({ state: 'resolved' })
    })

    it('is refused for a letter that is unknown, not dead, or names no order', async () => {
      const [letterId = ''] = await keep(1)
      await opened.redriveTasks.discard(letterId, actAt(0))
      await opened.deadLetters.keep([letterOf(orderAt(1), { orderId: null })])
      const edit = (id: string) => redrive.edit(id, mended, actAt(1))
      await expect(edit(letterId)).rejects.toMatchObject({ code: 'conflict' })
      await expect(edit('orders:0:1')).rejects.toMatchObject({ code: 'conflict' })
      await expect(edit('orders:0:9')).rejects.toMatchObject({ code: 'dead-letter-not-found' })
      expect(log.published).toEqual([])
    })
  })
})

function sameBytes(one: Uint8Array | string | null, other: Uint8Array | null | undefined): boolean {
  return one instanceof Uint8Array && other instanceof Uint8Array && Buffer.compare(one, other) === 0
}
