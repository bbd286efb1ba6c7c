import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../infra/ops/commands.ts'
import { ops, type OpsAnswer } from '../../support/product/ops-cli.ts'
import { startProduct, type Product } from '../../support/product/product.ts'

const ORDER = JSON.parse(readFileSync('order.json', 'utf8')) as Record<string, unknown>
/** The code that stores orders throws for this customer until the fault is switched off; retries follow at once. */
const CURSED = 666
const SETTINGS = { FAULTS: 'on', RETRY_DELAYS: '50ms', ORDERS_PARTITIONS: '2' }

let product: Product & AsyncDisposable
let directory: string
/** The key that the product generates at its first startup. */
let key: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ops-cli-'))
  product = await startProduct({ ...SETTINGS, FUNCTIONS_KEY: '' })
  key = readFileSync(join(product.dataDir, 'functions-key'), 'utf8').trim()
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

async function place(changes: Record<string, unknown> = {}): Promise<string> {
  const response = await fetch(`${product.url}/api/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=1' },
    body: JSON.stringify({ ...ORDER, ...changes }),
  })
  return ((await response.json()) as { orderId: string }).orderId
}

async function applyFaults(plan: Record<string, unknown>): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-functions-key': key }
  const response = await fetch(`${product.url}/api/ops/faults`, { method: 'POST', headers, body: JSON.stringify(plan) })
  expect(response.status).toBe(200)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** Runs the command against the running instance, as if from another machine. */
const byUrl = (...words: string[]) => ops([...words, '--url', product.url, '--key', key])
/** Runs the command on the data directory: it asks the process that has the directory open, or reads the files. */
const byDirectory = (...words: string[]) => ops(words, { ...SETTINGS, DATA_DIR: product.dataDir })
const parsed = ({ out }: OpsAnswer) => JSON.parse(out) as Record<string, unknown>

/** Places two orders, which are dead-lettered because of an injected bug, and then removes the bug. */
async function killTwoOrders(): Promise<string[]> {
  await applyFaults({ throwForCustomers: [CURSED] })
  const ids = [await place({ customerId: CURSED }), await place({ customerId: CURSED })]
  const letters = async () =>
    parsed(await byUrl('dead-letters', 'list', '--state', 'dead', '--json'))['items'] as {
      id: string
      orderId: string
    }[]
  await until(async () => (await letters()).length >= 2)
  await applyFaults({})
  return (await letters()).filter(({ orderId }) => ids.includes(orderId)).map(({ id }) => id)
}

describe('npm run ops', () => {
  test('lists every command, and shows the arguments of each', async () => {
    const help = await ops(['--help'])
    expect(help.exit).toBe(0)
    for (const { name } of COMMANDS) expect(help.out).toContain(`  ${name} `)
    for (const command of COMMANDS) {
      const { exit, out } = await ops([...command.name.split(' '), '--help'])
      expect([exit, out]).toEqual([0, expect.stringContaining(`npm run ops -- ${command.name}`)])
      for (const option of Object.keys(command.options ?? {})) expect(out).toContain(`--${option}`)
      expect(out).toMatch(/\nExamples:\n {2}npm run (-s )?ops -- \S/)
    }
  })

  test('exits with 2 for unknown arguments, and names them', async () => {
    const faults: [string[], string][] = [
      [['nothing'], 'There is no command "nothing"'],
      [['dead-letters'], 'There is no command "dead-letters"'],
      [['status', '--colour'], '--colour'],
      [['dead-letters', 'show', '--url', product.url], 'The id is missing'],
      [['dead-letters', 'redrive', '--url', product.url], 'Select dead letters by id'],
      [['dead-letters', 'discard', 'orders:0:0', '--url', product.url], '--reason is missing'],
      [['ledger', 'reset', '--url', product.url], '--reason is missing'],
      [['orders', 'changes', 'discard', 'x', '--url', product.url], '--reason is missing'],
      [['status', '--url', 'localhost:7071'], '"localhost:7071" is not a URL'],
      [['orders', 'get', '--url', product.url], 'The id is missing'],
      [['status', 'please'], 'Unexpected argument "please"'],
      [['dead-letters', 'restore', 'orders:0:0', 'orders:0:1'], 'Unexpected argument "orders:0:1"'],
      [['backup', directory, '--url', product.url], 'in its own DATA_DIR'],
    ]
    for (const [words, said] of faults) {
      const { exit, out, err } = await ops(words)
      expect([words, exit, out, err]).toEqual([words, 2, '', expect.stringContaining(said)])
    }
    expect((await ops([])).exit).toBe(2)
    const forgotten = await ops(['status', '--key', '--json'])
    expect([forgotten.exit, forgotten.err]).toEqual([2, expect.stringContaining("'--key'")])
    const setting = await ops(['status'], { ORDERS_PARTITIONS: 'many' })
    expect([setting.exit, setting.err]).toEqual([2, expect.stringMatching(/^ORDERS_PARTITIONS must be .*\n$/)])
  })

  test('exits with 2 for an empty argument, which would otherwise mean everything', async () => {
    const taking = COMMANDS.filter(({ takes = 0 }) => takes > 0)
    expect(taking.length).toBeGreaterThan(10)
    for (const { name } of taking) {
      const { exit, err } = await byUrl(...name.split(' '), '')
      expect([name, exit, err]).toEqual([name, 2, 'Argument 1 is empty. Is a variable not set?\n'])
    }
    for (const words of ['dead-letters list --order=', 'audit --target=', 'dead-letters discard --all --reason=']) {
      const { exit, err } = await byUrl(...words.split(' '))
      expect([words, exit, err]).toEqual([
        words,
        2,
        expect.stringMatching(/^--\w+ is empty\. Is a variable not set\?\n$/),
      ])
    }
  })

  test('exits with 2 for dots in place of an id, which would address another route', async () => {
    const commands = [
      'orders get ID',
      'orders history ID',
      'orders changes ID',
      'orders changes discard ID --reason x',
      'dead-letters show ID',
      'dead-letters export ID /dev/null',
      'dead-letters restore ID',
      'dead-letters discard ID --reason x',
      'redrives show ID',
      'redrives cancel ID',
      'forget --customer ID --dry-run',
    ]
    for (const words of commands) {
      for (const id of ['.', '..']) {
        const { exit, err } = await byUrl(...words.replace('ID', id).split(' '))
        expect([words, exit, err]).toEqual([words, 2, `"${id}" is not an id.\n`])
      }
    }
  })

  test('exits with 3 when no instance answers, with one line', async () => {
    const nobody = await ops(['status', '--url', 'http://127.0.0.1:9', '--key', key])
    expect([nobody.exit, nobody.err]).toEqual([3, 'http://127.0.0.1:9 cannot be reached: bad port.\n'])
    const encrypted = await ops(['status', '--url', product.url.replace('http:', 'https:'), '--key', key])
    expect([encrypted.exit, encrypted.err]).toEqual([3, expect.stringMatching(/ cannot be reached: .*wrong version/)])
    const nothing = await ops(['status'], { DATA_DIR: join(directory, 'nowhere') })
    expect([nothing.exit, nothing.err]).toEqual([3, expect.stringContaining(' does not exist')])
  })

  test('needs no directory for an installation with Kafka and SQL Server', async () => {
    const { exit, err } = await ops(['status'], {
      DATA_DIR: join(directory, 'elsewhere'),
      KAFKA_BROKERS: '127.0.0.1:1',
      SQL_CONNECTION_STRING: 'Server=127.0.0.1,1;Database=orders;User Id=orders;Password=none',
      ORDER_ID_SECRET: 'one-secret-of-all-the-roles',
    })
    expect([exit, err]).toEqual([4, expect.stringContaining('Orders are still accepted')])
  })

  test('exits with 4 for a refused request, in the product’s own words', async () => {
    const noKey = await ops(['status', '--url', product.url])
    expect([noKey.exit, noKey.err]).toEqual([4, expect.stringContaining('none was given')])
    const wrongKey = await ops(['status', '--url', product.url, '--key', 'not-the-key-at-all'])
    expect([wrongKey.exit, wrongKey.err]).toEqual([4, expect.stringContaining('does not accept the key')])
    const dashed = await ops(['status', '--url', product.url, '--key', '-begins-with-a-dash'])
    expect([dashed.exit, dashed.err]).toEqual([4, expect.stringContaining('does not accept the key')])
    const unknown = await byUrl('dead-letters', 'show', 'orders:0:12345')
    expect([unknown.exit, unknown.err]).toEqual([
      4,
      'No dead letter has this id, or it was settled and has been removed.\n',
    ])
    const balanced = await byUrl('ledger', 'reset', '--reason', 'a test')
    expect([balanced.exit, balanced.err]).toEqual([4, expect.stringContaining('The ledger balances')])
  })

  test('accepts a key with letters beyond ASCII', async () => {
    const other = await startProduct({ FUNCTIONS_KEY: 'le-mot-de-passe-à-garder-secret' })
    try {
      const words = ['ledger', '--url', other.url, '--key', 'le-mot-de-passe-à-garder-secret']
      expect(await ops(words)).toMatchObject({ exit: 0, err: '' })
    } finally {
      await other[Symbol.asyncDispose]()
    }
  })

  test('gives the same answer by URL and by directory, as a table or as JSON', async () => {
    await place()
    for (const run of [byUrl, byDirectory]) {
      const status = await run('status')
      expect([status.exit, status.out]).toEqual([0, expect.stringMatching(/^topic +records +waiting$/m)])
      expect(parsed(await run('status', '--json'))).toMatchObject({ readiness: { ready: true } })
      const ledger = await run('ledger')
      expect([ledger.exit, ledger.out]).toEqual([0, expect.stringContaining('Balanced: ')])
      expect(parsed(await run('ledger', '--json'))).toMatchObject({ balanced: true })
      expect(parsed(await run('ledger', 'repair', '--json'))).toMatchObject({ balanced: true })
      const doctor = parsed(await run('doctor', '--json')) as {
        well: boolean
        checks: { name: string; well: boolean }[]
      }
      expect(doctor.checks.filter(({ well }) => !well)).toEqual([])
      const storage = await run('storage')
      expect([storage.exit, storage.out]).toEqual([
        0,
        expect.stringMatching(/^log \(orders\) +\d+\.\d +20\S+Z +forever$/m),
      ])
      expect(parsed(await run('storage', '--json'))).toMatchObject({
        log: { topic: 'orders', retentionMs: null, bytes: expect.any(Number) },
        store: { bytes: expect.any(Number) },
        freeBytes: expect.any(Number),
      })
      expect((await run('migrate')).out).toContain('The schema was up to date.')
    }
  })

  test('takes options in front of the command', async () => {
    const { exit, out } = await ops(['--url', product.url, '--key', key, '--json', 'status'])
    expect([exit, JSON.parse(out)]).toMatchObject([0, { readiness: { ready: true } }])
    const unknown = await ops(['--url', product.url, '--limit', '1', 'status'])
    expect([unknown.exit, unknown.err]).toEqual([2, expect.stringContaining("Unknown option '--limit'")])
  })

  test('shows orders: one, a list, a search and a history', async () => {
    const id = await place({ customerId: 77_001, customerLastName: 'Quince' })
    expect(parsed(await byUrl('orders', 'get', id))).toMatchObject({ orderId: id, status: 'stored' })
    const list = await byUrl('orders', 'list', '--customer', '77001', '--status', 'stored')
    expect([list.exit, list.out]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^${id} +stored .* Alex Quince +187.35 +EUR`, 'm')),
    ])
    await until(async () => (await byUrl('orders', 'search', 'quince', '--limit', '1')).out.includes(id))
    const history = await byUrl('orders', 'history', id)
    expect(history.out).toMatch(/accepted[\s\S]*stored/)
    const nobody = await byUrl('orders', 'get', '019e2b6c-40c8-7a91-9f3e-5d0c1b7a44e2')
    expect([nobody.exit, nobody.out]).toEqual([4, ''])
  })

  test('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(await ops(['--version'])).toEqual({ exit: 0, out: `${version}\n`, err: '' })
  })

  test('completes its work silently when the reader of its output has closed', async () => {
    const shell = spawn(
      'sh',
      [
        '-c',
        '"$0" infra/ops/cli.ts dead-letters list --json --url "$1" --key "$2" | true',
        process.execPath,
        product.url,
        key,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const [err] = await Promise.all([text(shell.stderr), once(shell, 'close')])
    expect(err).toBe('')
  })

  test('says that its output could not be written', async () => {
    const words = ['status', '--url', product.url, '--key', key]
    const { exit, err } = await ops(words, {}, ['sh', '-c', 'exec "$0" "$@" > /dev/full'])
    expect([exit, err]).toEqual([1, expect.stringMatching(/^The output could not be written: ENOSPC: .*\n$/)])
  })

  test('says that it cannot read the key of the instance', async () => {
    const keyFile = join(product.dataDir, 'functions-key')
    renameSync(keyFile, join(product.dataDir, 'kept-key'))
    mkdirSync(keyFile)
    try {
      const { exit, err } = await byDirectory('ledger')
      expect([exit, err]).toEqual([
        2,
        expect.stringMatching(/^The key cannot be read \(EISDIR: .*\): pass --key .*\n$/),
      ])
    } finally {
      rmdirSync(keyFile)
      renameSync(join(product.dataDir, 'kept-key'), keyFile)
    }
  })

  test('backs up log and store while orders arrive, and a product started on the copy has all of them', async () => {
    const accepted = [await place(), await place()]
    const traffic = new AbortController()
    const coming = (async () => {
      while (!traffic.signal.aborted) await place()
    })()
    const folder = join(directory, 'monday')
    const { exit, out } = await byDirectory('backup', folder)
    traffic.abort()
    await coming
    expect([exit, out]).toEqual([0, expect.stringContaining(`MiB in ${folder}.`)])
    expect(await byDirectory('backup', '--name', 'no/name')).toMatchObject({ exit: 4 })

    await using restored = await startProduct({ ...SETTINGS, FUNCTIONS_KEY: '', DATA_DIR: folder })
    const ask = (...words: string[]) => ops([...words, '--json', '--url', restored.url, '--key', key])
    const isDone = async () => parsed(await ask('ledger'))['balanced'] === true
    await until(isDone)
    for (const id of accepted) {
      await until(async () => parsed(await ask('orders', 'get', id))['status'] === 'stored')
    }
    const { items } = parsed(await ask('audit')) as { items: { action: string }[] }
    expect(items[0]).toMatchObject({ action: 'backup' })
  })

  test('follows a redrive to its end: stored, or dead again with exit code 1', async () => {
    const [first, second] = await killTwoOrders()
    const group = parsed(await byUrl('dead-letters', 'groups', '--state', 'dead', '--json'))['items'] as {
      count: number
    }[]
    expect(group.reduce((total, { count }) => total + count, 0)).toBe(2)
    const preview = await byUrl('dead-letters', 'redrive', first!, '--dry-run')
    expect([preview.exit, preview.out]).toEqual([0, expect.stringContaining('would-be-stored')])

    await applyFaults({ throwForCustomers: [CURSED] })
    expect(await byUrl('dead-letters', 'redrive', first!, '--dry-run')).toMatchObject({ exit: 1 })
    const again = await byUrl('dead-letters', 'redrive', first!, '--reason', 'too early')
    expect([again.exit, again.out]).toEqual([1, expect.stringContaining('1 failed again')])
    await applyFaults({})

    const mended = await byUrl('dead-letters', 'redrive', '--all', '--json')
    expect([mended.exit, parsed(mended)]).toEqual([
      0,
      expect.objectContaining({ state: 'done', total: 2, resolved: 2 }),
    ])
    const { id: task } = parsed(mended) as { id: string }
    expect(parsed(await byUrl('redrives', 'show', task, '--json'))).toMatchObject({ id: task, state: 'done' })
    const { items } = parsed(await byUrl('redrives', 'list', '--limit', '1', '--json')) as { items: unknown[] }
    expect(items).toEqual([expect.objectContaining({ id: task, total: 2, resolved: 2 })])
    expect(await byUrl('redrives', 'cancel', task)).toMatchObject({ exit: 4 })
    expect(await byUrl('redrives', 'resume', task)).toMatchObject({ exit: 4 })
    expect((await byUrl('audit', '--target', task)).out).toContain(task)
    const shown = parsed(await byUrl('dead-letters', 'show', second!, '--json'))
    expect(shown).toMatchObject({ id: second, state: 'resolved' })
    expect(parsed(await byUrl('ledger', '--json'))).toMatchObject({ balanced: true })
  })

  test('shows in a dry run which changes follow a letter, and discards no change whose order may still come', async () => {
    const letters = await killTwoOrders()
    const [letter] = letters
    const { orderId } = parsed(await byUrl('dead-letters', 'show', letter!, '--json')) as { orderId: string }
    const response = await fetch(`${product.url}/api/orders/${orderId}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ customerName: 'Robin' }),
    })
    const { changeId } = (await response.json()) as { changeId: string }
    const change = async () =>
      (await (await fetch(`${product.url}/api/orders/${orderId}/changes/${changeId}`)).json()) as { status: string }
    await until(async () => (await change()).status === 'waiting')
    const preview = await byUrl('dead-letters', 'redrive', letter!, '--dry-run')
    expect([preview.exit, preview.out]).toEqual([
      0,
      expect.stringMatching(new RegExp(`${changeId} .*would-be-applied`)),
    ])
    const discard = () => byUrl('orders', 'changes', 'discard', changeId, '--reason', 'a test')
    expect(await discard()).toMatchObject({ exit: 4, err: expect.stringContaining('may still arrive') as string })
    expect(await byUrl('dead-letters', 'redrive', ...letters)).toMatchObject({ exit: 0 })
    await until(async () => (await change()).status === 'applied')
    expect(await discard()).toMatchObject({ exit: 4, err: expect.stringContaining('is not waiting') as string })
  })

  test('discards, restores, edits and exports a dead letter, and replays what it exported', async () => {
    const [letter, edited] = await killTwoOrders()
    expect(await byUrl('dead-letters', 'discard', letter!, '--reason', 'A test order.')).toMatchObject({
      exit: 0,
      out: `${letter} is discarded.\n`,
    })
    expect(await byUrl('dead-letters', 'discard', letter!, '--reason', 'Again.')).toMatchObject({ exit: 4 })
    expect(await byUrl('dead-letters', 'restore', letter!)).toMatchObject({ exit: 0 })

    const file = join(directory, 'fixture.json')
    expect(await byUrl('dead-letters', 'export', letter!, file)).toMatchObject({ exit: 0 })
    for (const [unwritable, why] of [
      [directory, 'EISDIR'],
      [join(file, 'deeper'), 'ENOTDIR'],
      [join(directory, 'missing', 'fixture.json'), 'ENOENT'],
      ['/dev/full', 'ENOSPC'],
    ]) {
      const { exit, err } = await byUrl('dead-letters', 'export', letter!, unwritable!)
      expect([exit, err]).toEqual([2, expect.stringMatching(`^${unwritable} cannot be written: ${why}: .*\n$`)])
    }
    const replayed = await ops(['replay-fixture', file])
    expect([replayed.exit, replayed.out]).toEqual([0, `${letter} is stored.\n`])

    const order = join(directory, 'order.json')
    writeFileSync(order, JSON.stringify(ORDER))
    expect(await byUrl('dead-letters', 'edit', edited!, order)).toMatchObject({ exit: 0 })
    await until(async () => parsed(await byUrl('dead-letters', 'show', edited!, '--json'))['state'] === 'resolved')
    expect(await byUrl('dead-letters', 'edit', letter!, join(directory, 'missing.json'))).toMatchObject({ exit: 2 })
  })

  test('rebuilds through the instance, and reports how the last rebuild ended', async () => {
    await place()
    const done = await byUrl('rebuild', '--reason', 'a test')
    expect([done.exit, done.out]).toEqual([0, expect.stringMatching(/^The rebuild is done: \d+ records read, /)])
    const shown = parsed(await byDirectory('rebuild', '--show', '--json'))
    expect(shown).toMatchObject({ rebuild: { state: 'done', kept: 0 } })
    expect(await byUrl('rebuild', '--detach')).toMatchObject({ exit: 0 })
    await until(async () => parsed(await byUrl('rebuild', '--show', '--json'))['rebuild'] !== undefined)
  })

  test('records the name of the operator, without characters that a header cannot contain', async () => {
    const [letter] = await killTwoOrders()
    const names = { José: 'José', 'Jose\u0301': 'José', 'Jiří 🙂': 'Ji?í ?', 'two\nlines': 'two?lines' }
    for (const [given, recorded] of Object.entries(names)) {
      for (const words of [
        ['discard', letter!, '--reason', 'A test order.'],
        ['restore', letter!],
      ]) {
        expect(await byUrl('dead-letters', ...words, '--operator', given)).toMatchObject({ exit: 0, err: '' })
      }
      const { items } = parsed(await byUrl('audit', '--json')) as { items: { operator: string }[] }
      expect(items.slice(0, 2).map(({ operator }) => operator)).toEqual([recorded, recorded])
    }
  })
})

test('reads the files where no instance runs, and only migrate creates a store', async () => {
  const DATA_DIR = join(directory, 'files')
  const here = (...words: string[]) => ops(words, { DATA_DIR })
  const migrated = await here('migrate')
  expect([migrated.exit, migrated.out]).toEqual([0, expect.stringMatching(/^\d+ migrations were run\.$/m)])
  expect(parsed(await here('ledger', '--json'))).toMatchObject({ balanced: true })
  expect((await here('status')).out).toMatch(/^No instance is running: [^]*\/files is ready/)
  expect(await here('rebuild')).toMatchObject({ exit: 0 })
  expect(await here('rebuild', '--detach')).toMatchObject({ exit: 2 })
  const forced = await here('ledger', 'reset', '--force', '--reason', 'a test')
  expect([forced.exit, forced.out]).toEqual([0, expect.stringContaining('The ledger has begun a new epoch.')])
  const sick = await ops(['doctor'], { DATA_DIR, ORDERS_PARTITIONS: '3' })
  expect([sick.exit, sick.out]).toEqual([1, expect.stringMatching(/^topics +NOT OK +ORDERS_PARTITIONS is 3, but /m)])
})
