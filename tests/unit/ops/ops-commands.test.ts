import { describe, expect, it, onTestFinished } from 'vitest'
import type { OpsClient, RequestOptions } from '../../../infra/ops/client.ts'
import { perform, type Command } from '../../../infra/ops/command.ts'
import { backup } from '../../../infra/ops/commands/backup.ts'
import { deadLetterGroups, listDeadLetters } from '../../../infra/ops/commands/dead-letters.ts'
import { doctor } from '../../../infra/ops/commands/doctor.ts'
import { forget } from '../../../infra/ops/commands/forget.ts'
import { takeOut } from '../../../infra/ops/commands/log/take-out.ts'
import { discardDeadLetters } from '../../../infra/ops/commands/discard.ts'
import { migrate } from '../../../infra/ops/commands/migrate.ts'
import { discardChange, orderChanges } from '../../../infra/ops/commands/orders.ts'
import { listRedrives, redriveDeadLetters, showRedrive } from '../../../infra/ops/commands/redrive.ts'
import { repairLedger, resetLedger, status } from '../../../infra/ops/commands/status.ts'

const BALANCED = { balanced: true, summary: 'Balanced.', totals: { gaps: 0 }, partitions: [] }
const TORN = { balanced: false, summary: 'Not balanced.', totals: { gaps: 40_000 }, partitions: [] }

/** Runs a command against an instance that returns these answers, one for each request. */
async function run(
  command: Command,
  answers: readonly unknown[],
  {
    positionals = [],
    options = {},
    isAlone = false,
  }: { positionals?: string[]; options?: Record<string, string | boolean>; isAlone?: boolean } = {},
) {
  const asked: { method: string; path: string; body?: unknown }[] = []
  const requestOptions: (RequestOptions | undefined)[] = []
  const printed: string[] = []
  const progress: string[] = []
  const client: OpsClient = {
    target: 'http://instance.example',
    ...(isAlone && { isAlone }),
    async request(method, path, body, about) {
      requestOptions.push(about)
      asked.push({ method, path, ...(body !== undefined && { body }) })
      return answers[asked.length - 1]
    },
    async [Symbol.asyncDispose]() {
      // No files were opened.
    },
  }
  const exit = await perform(command, {
    client,
    positionals,
    startedAt: 0,
    options,
    json: false,
    print: (text) => printed.push(text),
    progress: (text) => progress.push(text),
  })
  return { exit, asked, requestOptions, printed: printed.join('\n'), progress }
}

it('a migration names each topic whose retention it changed', async () => {
  const topics = [{ topic: 'orders', setting: 'retention.ms', before: '-1', after: '7776000000' }]
  const { asked, printed } = await run(migrate, [{ migrations: [], topics }])
  expect(asked).toEqual([{ method: 'POST', path: '/api/ops/migrate' }])
  expect(printed).toMatch(/^retention\.ms of orders was -1 and is now 7776000000\.$/m)
  expect((await run(migrate, [{ migrations: [], topics: [] }])).printed).toContain('No topic was changed.')
})

it.each([
  [forget, { summary: '', remains: [] }, { customer: '7', reason: 'Asked for it.' }, true],
  [forget, { summary: '', remains: [] }, { customer: '7', 'dry-run': true }, true],
  [migrate, { migrations: [], topics: [] }, {}, true],
  [repairLedger, { processed: 0, more: false, why: null, ledger: BALANCED }, {}, true],
  [resetLedger, { processed: 0, more: false, why: null, ledger: BALANCED }, { reason: 'A test.' }, undefined],
  [takeOut, { letterId: 'orders:0:1', group: 'g', processed: 0, ledger: BALANCED }, { reason: 'A test.' }, undefined],
  [doctor, { well: true, checks: [] }, {}, undefined],
] as const)(
  'the only request of $name waits for as long as the work takes',
  async (command, answer, options, again) => {
    const { requestOptions } = await run(command, [answer], { options, positionals: ['orders:0:1'] })
    expect(requestOptions).toEqual([{ takesLong: true, ...(again && { isRepeatable: true }) }])
  },
)

describe('a repair of the ledger that takes long', () => {
  const answers = [
    { processed: 20_000, more: true, why: null, ledger: TORN },
    { processed: 5000, more: false, why: null, ledger: BALANCED },
  ]

  it('is repeated until there is no more, with progress', async () => {
    const { exit, asked, printed, progress } = await run(repairLedger, answers)
    expect(exit).toBe(0)
    expect(asked).toEqual([
      { method: 'POST', path: '/api/ops/ledger/repair' },
      { method: 'POST', path: '/api/ops/ledger/repair' },
    ])
    expect(progress).toEqual(['20000 records processed, 40000 to go'])
    expect(printed).toContain('25000 records processed.')
    expect(printed).toContain('Balanced.')
  })

  it('goes on after a reset too, which begins one epoch, not two', async () => {
    const { asked, printed } = await run(resetLedger, answers, { options: { reason: 'The topic was recreated.' } })
    expect(asked.map(({ path }) => path)).toEqual(['/api/ops/ledger/reset', '/api/ops/ledger/repair'])
    expect(printed).toContain('25000 records were read again.')
  })
})

describe('a list of redrives', () => {
  const task = {
    id: '3f0c7a52-8d5e-4b6f-9a34-0d2f1c9b7e61',
    state: 'stopped',
    why: 'Half failed again.',
    createdAt: '2026-01-31T13:00:00.123Z',
    updatedAt: '2026-01-31T13:00:02.456Z',
    operator: 'alex',
    reason: 'The fault is mended.',
    total: 12,
    waiting: 2,
    pending: 1,
    resolved: 3,
    failed: 5,
    skipped: 1,
  }
  const page = { items: [task, { ...task, state: 'running', why: null }], nextCursor: 'next' }

  it.each([
    [task.why, `Redrive ${task.id} is stopped: Half failed again. 3 of 12 stored, 5 failed again.`],
    [null, `Redrive ${task.id} is stopped. 3 of 12 stored, 5 failed again.`],
  ])('shows one in sentences, with the cause %s', async (why, words) => {
    expect((await run(showRedrive, [{ ...task, why }], { positionals: [task.id] })).printed).toBe(words)
  })

  it('fetches the page, and shows the outcome of each task', async () => {
    const { exit, asked, printed } = await run(listRedrives, [page], { options: { limit: '2', cursor: 'here' } })
    expect(exit).toBe(0)
    expect(asked).toEqual([{ method: 'GET', path: '/api/redrives?limit=2&cursor=here' }])
    const [header, ...lines] = printed.split('\n')
    expect(header?.split(/ {2,}/)).toEqual('id,state,begun,changed,operator,stored,failed,to go,skipped,why'.split(','))
    expect(lines.slice(0, 2).map((line) => line.split(/ {2,}/))).toEqual([
      [task.id, 'stopped', '2026-01-31T13:00:00Z', '2026-01-31T13:00:02Z', 'alex', '3 of 12', '5', '3', '1', task.why],
      [
        task.id,
        'running',
        '2026-01-31T13:00:00Z',
        '2026-01-31T13:00:02Z',
        'alex',
        '3 of 12',
        '5',
        '3',
        '1',
        task.reason,
      ],
    ])
    expect(lines.at(-1)).toBe('There is more: --cursor next')
  })

  it('shows on 80 columns where each stands and why', async () => {
    const { isTTY, columns } = process.stdout
    Object.assign(process.stdout, { isTTY: true, columns: 80 })
    onTestFinished(() => void Object.assign(process.stdout, { isTTY, columns }))
    const { printed } = await run(listRedrives, [page])
    expect(printed.split('\n').every((line) => line.length <= 80)).toBe(true)
    expect(printed).toContain(`${task.id}  stopped  3 of 12  Half failed again.`)
  })
})

describe('the changes of an order', () => {
  it('are listed with what each waits for, and why', async () => {
    const orderId = 'o'
    const items = [
      {
        orderId,
        changeId: 'a',
        kind: 'amend',
        status: 'dead-lettered',
        cause: { code: 'invalid-change', detail: 'x' },
      },
      {
        orderId,
        changeId: 'b',
        kind: 'cancel',
        status: 'waiting',
        behind: { kind: 'change', changeId: 'a', status: 'dead-lettered' },
      },
      {
        orderId,
        changeId: 'c',
        kind: 'cancel',
        status: 'waiting',
        behind: { kind: 'order', orderId, status: 'retrying' },
      },
      { orderId, changeId: 'd', kind: 'amend', status: 'applied', version: 2 },
    ]
    const { asked, printed } = await run(orderChanges, [{ items, nextCursor: 'n' }], { positionals: ['o'] })
    expect(asked.map(({ path }) => path)).toEqual(['/api/orders/o/changes'])
    expect(printed.split('\n').map((line) => line.replaceAll(/\s+/g, ' '))).toEqual([
      'id kind status version accepted waits for cause',
      'a amend dead-lettered - - - invalid-change: x',
      'b cancel waiting - - a, dead-lettered -',
      'c cancel waiting - - the order, retrying -',
      'd amend applied 2 - - -',
      '',
      'There is more: --cursor n',
    ])
  })
})

describe('discarding a change', () => {
  it('sends the reason, and says that the change is discarded', async () => {
    const { asked, printed } = await run(discardChange, [{ status: 'discarded' }], {
      positionals: ['c'],
      options: { reason: 'Its order was deleted.' },
    })
    expect(asked).toEqual([
      { method: 'POST', path: '/api/ops/changes/c/discard', body: { reason: 'Its order was deleted.' } },
    ])
    expect(printed).toContain('c is discarded.')
  })
})

describe('a dry run of many', () => {
  it('covers every page, and exits with 1 when a letter of the last one still fails', async () => {
    const page = (id: string, outcome: string, nextCursor: string | null) => ({
      items: [{ id, orderId: null, outcome }],
      nextCursor,
    })
    const { exit, asked, printed } = await run(
      redriveDeadLetters,
      [page('orders:0:1', 'would-be-stored', 'a+b'), page('orders:0:2', 'still-fails', null)],
      { options: { all: true, 'dry-run': true } },
    )
    expect(exit).toBe(1)
    expect(asked.map(({ path }) => path)).toEqual([
      '/api/dead-letters/redrive',
      '/api/dead-letters/redrive?cursor=a%2Bb',
    ])
    expect(printed).toMatch(/orders:0:1 .*\n.*orders:0:2/)
  })
})

describe('a redrive', () => {
  const warning = { detail: 'These other consumer groups read it: billing.', readers: ['billing'] }
  const task = { id: 't', state: 'done', why: null, total: 1, resolved: 1, failed: 0 }

  it.each([
    ['for real', {}, { ...task, warning }],
    ['as a dry run', { 'dry-run': true }, { items: [], nextCursor: null, warning }],
  ])('says who gets letters of other consumers again, %s', async (_, options, answer) => {
    const { printed } = await run(redriveDeadLetters, [answer], { options: { all: true, ...options } })
    expect(printed).toContain(`Warning: ${warning.detail}`)
  })

  it('leaves out letters of other consumers when only our own are requested', async () => {
    const { asked, printed } = await run(redriveDeadLetters, [task], { options: { own: true } })
    expect(asked).toMatchObject([{ body: { foreign: false } }])
    expect(printed).not.toContain('Warning')
  })

  it('accepts every named id', async () => {
    const task = { id: 't', state: 'done', why: null, total: 2, resolved: 2, failed: 0 }
    const { asked } = await run(redriveDeadLetters, [task], { positionals: ['orders:0:1', 'orders:0:2'] })
    expect(asked).toMatchObject([{ body: { ids: ['orders:0:1', 'orders:0:2'] } }])
  })
})

describe('a discard of many', () => {
  const group = { fingerprint: 'f1' }

  it('is repeated with the same body until there is no more, and counts all of them', async () => {
    const answers = [
      { dryRun: false, count: 9000, nextCursor: 'a+b' },
      { dryRun: false, count: 500, nextCursor: null },
    ]
    const { exit, asked, printed } = await run(discardDeadLetters, answers, {
      options: { ...group, reason: 'A load test.' },
    })
    const body = { fingerprint: 'f1', reason: 'A load test.' }
    expect(asked).toEqual([
      { method: 'POST', path: '/api/dead-letters/discard', body },
      { method: 'POST', path: '/api/dead-letters/discard?cursor=a%2Bb', body },
    ])
    expect([exit, printed]).toEqual([0, '9500 dead letters discarded.'])
  })

  it('as a dry run counts the letters and shows the newest, without needing a reason', async () => {
    const letter = { id: 'orders:0:1', orderId: null, lastCause: { code: 'internal', detail: 'Broken.' } }
    const { asked, printed } = await run(
      discardDeadLetters,
      [
        { dryRun: true, count: 900, nextCursor: null },
        { items: [letter], nextCursor: null },
      ],
      { options: { code: 'internal', own: true, 'dry-run': true } },
    )
    expect(asked[0]?.body).toEqual({ code: 'internal', foreign: false, dryRun: true })
    const query = new URLSearchParams(asked[1]?.path.split('?')[1])
    expect(Object.fromEntries(query)).toEqual({ state: 'dead', limit: '20', cause: 'internal', foreign: 'false' })
    expect(printed).toMatch(/^900 dead letters would be discarded\. The newest are:\nid .*\norders:0:1 .*Broken/)
  })

  it.each([
    ['says neither which letters', { reason: 'Why.' }, 'Select dead letters by id'],
    ['nor why', group, '--reason is missing'],
  ])('is not asked for when it %s', async (_, options, words) => {
    await expect(run(discardDeadLetters, [], { options })).rejects.toThrow(words)
  })

  it('handles one named letter as before, and several as many', async () => {
    const options = { reason: 'A test order.' }
    const one = await run(discardDeadLetters, [{}], { positionals: ['orders:0:1'], options })
    expect(one.asked).toMatchObject([{ path: '/api/dead-letters/orders%3A0%3A1/discard', body: options }])
    const positionals = ['orders:0:1', 'orders:0:2']
    const many = await run(discardDeadLetters, [{ count: 2, nextCursor: null }], { positionals, options })
    expect(many.asked).toMatchObject([
      { path: '/api/dead-letters/discard', body: { ids: positionals, reason: options.reason } },
    ])
  })
})

describe('a status', () => {
  const stand = (consumers: number | null) => ({
    orders: { topic: 'orders', records: 3, stored: 3, duplicate: 0, lag: 0, behindTransaction: 0, consumers },
    retries: [],
    deadLetters: { topic: 'orders-dlt', records: 0, waiting: 0 },
    parked: { retrying: 0 },
    readiness: { ready: true },
  })

  it('reports that nobody processes orders when that is known, and an instance runs', async () => {
    const nobody = expect.stringContaining('No instance processes orders')
    expect((await run(status, [stand(0)])).printed).toEqual(nobody)
    for (const consumers of [1, null]) expect((await run(status, [stand(consumers)])).printed).not.toEqual(nobody)
    expect((await run(status, [stand(0)], { isAlone: true })).printed).not.toEqual(nobody)
  })
})

describe('a doctor', () => {
  const checks = [
    { name: 'consumers', well: false, detail: 'Nothing is processing orders.' },
    { name: 'records', well: true, partial: true, detail: 'Only 600 of 900 records have been read so far.' },
  ]

  it('reports that nobody processes orders, and the checks that were partial', async () => {
    const { exit, printed } = await run(doctor, [{ well: false, checks }])
    expect(exit).toBe(1)
    expect(printed).toMatch(/^consumers +NOT OK +Nothing is processing/m)
    expect(printed).toMatch(/^records +ok so far +Only 600/m)
  })

  it('reports that no instance runs when the files answer, without calling that a fault', async () => {
    const { exit, printed } = await run(doctor, [{ well: false, checks }], { isAlone: true })
    expect([exit, printed]).toEqual([
      0,
      expect.stringMatching(/^No instance is running: nothing is accepted or processed\./),
    ])
    expect(printed).not.toContain('consumers')
  })
})

describe('a backup', () => {
  const made = { state: 'done', name: 'monday', folder: '/not/on/this/machine', bytes: 1024 * 1024, why: null }

  it('is waited for, and its location is shown', async () => {
    const answers = [{ ...made, state: 'running', folder: null }, { backup: made }]
    const { exit, asked, printed } = await run(backup, answers, { options: { name: 'monday' } })
    expect(asked).toEqual([
      { method: 'POST', path: '/api/ops/backup', body: { name: 'monday' } },
      { method: 'GET', path: '/api/ops/backup' },
    ])
    expect([exit, printed]).toEqual([0, expect.stringContaining('1.0 MiB in /not/on/this/machine.')])
  })

  it.each([
    ['it failed', { ...made, state: 'failed', folder: null, why: 'No room.' }, {}, 'No room.'],
    ['the instance was restarted', null, {}, 'restarted'],
    ['it is on another machine', made, { positionals: ['no-such-folder'] }, 'was not moved and stays there'],
  ])('exits with 1 when %s', async (_, ended, asked, words) => {
    const answers = [{ ...made, state: 'running' }, { backup: ended }]
    const { exit, printed } = await run(backup, answers, asked)
    expect([exit, printed]).toEqual([1, expect.stringContaining(words)])
  })

  it('replaces no folder, and is not moved from another machine', async () => {
    await expect(run(backup, [], { positionals: ['tests'] })).rejects.toThrow('tests already exists')
    const elsewhere = { positionals: ['no-such-folder'], options: { url: 'http://instance.example' } }
    await expect(run(backup, [], elsewhere)).rejects.toThrow('--url')
  })
})

describe('groups of dead letters', () => {
  const group = {
    fingerprint: 'f1',
    cause: { code: 'internal', detail: 'The order could not be processed.' },
    exception: 'TypeError: no price at toOrder shared/messaging/records/envelope.ts:41',
    consumerGroup: 'order-processor',
    count: 3,
    firstSeen: '2026-01-31T12:00:00.000Z',
    lastSeen: '2026-01-31T12:00:09.000Z',
    sampleId: 'orders:0:1',
  }

  it.each([
    [{}, '?state=dead'],
    [{ state: 'all' }, ''],
    [{ state: 'resolved', limit: '5' }, '?state=resolved&limit=5'],
  ])('cover what nobody has repaired, unless the options say otherwise: %j', async (options, query) => {
    const { asked } = await run(deadLetterGroups, [{ items: [], nextCursor: null }], { options })
    expect(asked).toEqual([{ method: 'GET', path: `/api/dead-letters/groups${query}` }])
  })

  it('name the exception and where it was thrown, otherwise the cause', async () => {
    const items = [group, { ...group, exception: null }]
    const { printed } = await run(deadLetterGroups, [{ items, nextCursor: null }])
    const [, first, second] = printed.split('\n')
    expect(first).toContain(`internal: ${group.exception}`)
    expect(second).toContain('internal: The order could not be processed.')
  })
})

describe('a list that has more', () => {
  it('says how to get the next page', async () => {
    const { asked, printed } = await run(listDeadLetters, [{ items: [], nextCursor: 'next' }], {
      options: { code: 'internal', order: 'an-order', from: '2026-01-01T00:00:00Z', cursor: 'this' },
    })
    const query = new URLSearchParams(asked[0]?.path.split('?')[1])
    expect(Object.fromEntries(query)).toEqual({
      cause: 'internal',
      orderId: 'an-order',
      from: '2026-01-01T00:00:00Z',
      cursor: 'this',
    })
    expect(printed).toContain('There is more: --cursor next')
  })
})
