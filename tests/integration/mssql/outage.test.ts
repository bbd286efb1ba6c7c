import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMssqlStore, type MssqlStore } from '../../../shared/adapters/mssql/mssql-store.ts'
import { batchOf, orderAt } from '../../contract/store-fixtures.ts'
import { healthyDatabase, int, MIGRATIONS, PREPARED, STORING, text } from '../../support/mssql/tds-database.ts'
import { startTdsServer, type TdsAnswer, type TdsRequest, type TdsServer } from '../../support/mssql/tds-server.ts'

/** Runs the real driver against a scripted server, to check which failures the ports see as an outage. */

/** A database that works and, by default, stores one order. */
const healthy = (request: TdsRequest, orders = 1) => healthyDatabase(request, orders)

describe('SQL Server that fails', () => {
  let script: (request: TdsRequest) => TdsAnswer
  let server: TdsServer
  const opened: MssqlStore[] = []
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)

  beforeEach(async () => {
    script = healthy
    server = await startTdsServer((request) => script(request))
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
    expect(unhandled.splice(0)).toEqual([])
  })

  async function open(more = ''): Promise<MssqlStore & { readonly warnings: string[] }> {
    const warnings: string[] = []
    const connectionString = `Server=127.0.0.1,${server.port};Database=orders;User Id=app;Password=s3cret;Encrypt=false;${more}`
    const store = await createMssqlStore({
      connectionString,
      onWarning: (message) => warnings.push(message),
      onError: () => undefined,
    })
    opened.push(store)
    return { ...store, warnings }
  }
  const storeOne = (store: MssqlStore) => store.store.storeBatch(batchOf([orderAt(0)]))
  const storing = (answer: TdsAnswer) => (request: TdsRequest) =>
    request.includes(STORING) ? answer : healthy(request)
  const storings = () => server.requests.filter((request) => request.includes(STORING)).length

  test('500 orders are one round trip', async () => {
    script = (request) => healthy(request, 500)
    const store = await open()
    await store.store.storeBatch(batchOf([orderAt(0)]))
    // Search reindexing may send requests in the background at any time.
    const sent = () => server.requests.filter((request) => !request.includes('search_reindex')).length
    const before = sent()
    const orders = Array.from({ length: 500 }, (_, offset) => orderAt(offset))
    const { outcomes, counted } = await store.store.storeBatch(batchOf(orders))
    expect(sent() - before).toBe(1)
    expect(counted).toBe(true)
    expect(outcomes).toEqual(orders.map(() => ({ kind: 'stored' })))
  })

  test.each([
    ...[1204, 1222, 8645, 10928, 10929, 40501, 49918, 49919, 49920].map((number) => [number, 'store-busy'] as const),
    ...[1101, 1105, 9002, 40544].map((number) => [number, 'store-full'] as const),
    ...[233, 823, 824, 945, 3906, 4060, 10053, 10054, 10060, 18456, 40197, 40613].map(
      (number) => [number, 'store-unavailable'] as const,
    ),
  ])('error %i is %s, and the next request is served', async (number, code) => {
    const store = await open()
    // At severity 20 and above, the server closes the connection.
    script = storing({ error: number, severity: number === 823 || number === 824 ? 24 : 16 })
    await expect(storeOne(store)).rejects.toMatchObject({ code, retriable: true, cause: { number } })
    script = healthy
    await expect(storeOne(store)).resolves.toMatchObject({ counted: true })
  })

  test.each([220, 241, 245, 515, 547, 2628, 8114, 8115, 8152, 13609])(
    'error %i is the fault of its order, which is rejected without delaying others',
    async (number) => {
      const store = await open()
      script = storing({ error: number })
      await expect(storeOne(store)).resolves.toEqual({
        outcomes: [expect.objectContaining({ kind: 'rejected', code: 'constraint-violated' })],
        counted: false,
      })
    },
  )

  test('an order that violates a constraint is rejected alone, found by halving', async () => {
    const store = await open()
    const orders = Array.from({ length: 8 }, (_, offset) => orderAt(offset))
    const bad = orders[5]!.orderId
    script = (request) => {
      if (!request.includes(STORING)) return healthy(request)
      if (request.includes(bad)) return { error: 547 }
      const indexes = [...orders.keys()].filter((index) => request.includes(orders[index]!.orderId))
      return { rows: [{ columns: [int('i'), text('outcome')], rows: indexes.map((i) => [i, 'stored']) }] }
    }
    const { outcomes, counted } = await store.store.storeBatch(batchOf(orders))
    expect(counted).toBe(false)
    expect(outcomes.map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind))).toEqual(
      orders.map(({ orderId }) => (orderId === bad ? 'constraint-violated' : 'stored')),
    )
  })

  test.each([2627, 2601, 1205])('error %i of a race is tried again at once', async (number) => {
    const store = await open()
    let lost = 0
    script = (request) => {
      if (!request.includes(STORING) || lost >= 2) return healthy(request)
      lost += 1
      return { error: number, severity: 14 }
    }
    await expect(storeOne(store)).resolves.toMatchObject({ counted: true })
    expect(storings()).toBe(3)
  })

  test('a persistent deadlock is reported as busy', async () => {
    const store = await open()
    script = storing({ error: 1205, severity: 13 })
    await expect(storeOne(store)).rejects.toMatchObject({ code: 'store-busy', retriable: true })
  })

  test('a connection that is cut midway is an outage, and the next request opens a new one', async () => {
    const store = await open()
    script = storing('cut')
    await expect(storeOne(store)).rejects.toMatchObject({ code: 'store-unavailable', retriable: true })
    script = healthy
    await expect(storeOne(store)).resolves.toMatchObject({ counted: true })
  })

  test('a request that times out is busy, and its connection is not used again', async () => {
    const store = await open('Request Timeout=300')
    await storeOne(store)
    let late = 0
    script = (request) => {
      if (!request.includes(STORING)) return healthy(request)
      late = request.connection
      return 'silence'
    }
    await expect(storeOne(store)).rejects.toMatchObject({ code: 'store-busy', retriable: true })
    script = healthy
    const before = server.requests.length
    for (let i = 0; i < 5; i += 1) await Promise.all([storeOne(store), storeOne(store)])
    const used = server.requests.slice(before).map(({ connection }) => connection)
    expect(used).not.toContain(late)
  })

  test('a server that no longer answers at all counts as an outage', async () => {
    const store = await open('Request Timeout=300;Connection Timeout=1')
    script = () => 'silence'
    await expect(storeOne(store)).rejects.toMatchObject({ code: 'store-unavailable', retriable: true })
    expect(await store.store.health()).toMatchObject({ available: false })
    script = healthy
    await expect(storeOne(store)).resolves.toMatchObject({ counted: true })
  })

  test('a refused login is held, reported in one line without the password, and recovers without a restart', async () => {
    script = (request) =>
      request.kind === 'login'
        ? { error: 18456, message: "Login failed for user 'app'.", severity: 14 }
        : healthy(request)
    const store = await open()
    expect(store.warnings).toEqual([expect.stringContaining('refuses the login')])
    expect(store.warnings.join()).not.toContain('s3cret')
    await expect(storeOne(store)).rejects.toMatchObject({ code: 'store-unavailable', retriable: true })
    expect(await store.store.health()).toMatchObject({ available: false })
    script = healthy
    await expect(storeOne(store)).resolves.toMatchObject({ counted: true })
  })

  test('a server that is unavailable when the store is opened, and returns at the same address, is used without a restart', async () => {
    const { port } = server
    await server[Symbol.asyncDispose]()
    const store = await open()
    expect(store.warnings).toHaveLength(1)
    await expect(store.views.get(orderAt(0).orderId)).rejects.toMatchObject({ code: 'store-unavailable' })
    server = await startTdsServer((request) => script(request), port)
    await expect(storeOne(store)).resolves.toMatchObject({ counted: true })
    expect(await store.store.health()).toEqual({ available: true })
  })

  test('a server that accepts the login and then hangs is reported, and startup stops waiting for it', async () => {
    script = (request) => (request.kind === 'login' ? healthy(request) : 'silence')
    const store = await open()
    expect(store.warnings).toEqual([expect.stringContaining('It has not answered for 5 s.')])
  })

  test('concurrent requests share a few connections', async () => {
    const store = await open()
    await Promise.all(Array.from({ length: 60 }, () => storeOne(store)))
    expect(server.mostOpen).toBeLessThanOrEqual(10)
    const few = await open('Max Pool Size=2')
    const before = server.mostOpen
    await Promise.all(Array.from({ length: 10 }, () => storeOne(few)))
    expect(server.mostOpen).toBeLessThanOrEqual(before + 2)
  })

  test('a database that is read-only is not healthy', async () => {
    const store = await open()
    script = (request) =>
      request.includes('Updateability')
        ? { rows: [{ columns: [text('updateability')], rows: [['READ_ONLY']] }] }
        : healthy(request)
    expect(await store.store.health()).toEqual({ available: false, cause: 'The database is read-only.' })
  })

  test('a mistake of ours is not an outage', async () => {
    const store = await open()
    script = storing({ error: 207, message: "Invalid column name 'x'." })
    await expect(storeOne(store)).rejects.toMatchObject({ number: 207 })
  })

  test('a closed store says so', async () => {
    const store = await open()
    await store[Symbol.asyncDispose]()
    await expect(storeOne(store)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(await store.store.health()).toMatchObject({ available: false })
  })
})

describe('migrations', () => {
  const migrate = async (known: readonly (readonly [number, string])[], { mustBeUsable = true } = {}) => {
    const rows: (readonly [number, string])[] = [...known]
    const warnings: string[] = []
    await using server = await startTdsServer((request) => {
      if (!request.includes(PREPARED)) {
        const made = MIGRATIONS.find(({ checksum }) => request.includes(`'${checksum}'`))
        if (made !== undefined) rows.push([made.version, made.checksum])
        return healthy(request)
      }
      return { rows: [{ columns: [int('version'), text('checksum')], rows }] }
    })
    const connectionString = `Server=127.0.0.1,${server.port};Database=orders;User Id=app;Password=x;Encrypt=false`
    await using store = await createMssqlStore({
      connectionString,
      onWarning: (message) => warnings.push(message),
      onError: () => undefined,
      mustBeUsable,
    })
    await store.store.health()
    const batches = server.requests.filter(({ kind }) => kind === 'batch')
    return { created: batches.filter((request) => request.includes('CREATE TABLE orders')).length, rows, warnings }
  }
  const done = MIGRATIONS.map(({ version, checksum }) => [version, checksum] as const)

  test('an empty database gets all migrations once, in order', async () => {
    expect(await migrate([])).toEqual({ created: 1, rows: done, warnings: [] })
  })

  test('a database that is up to date is left as it is', async () => {
    expect(await migrate(done)).toMatchObject({ created: 0, warnings: [] })
  })

  test('a database made by a newer version is refused in one line', async () => {
    await expect(migrate([...done, [99, 'x']])).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringMatching(/was made by a newer version of this program: it is at migration 99/) as string,
    })
  })

  test('a database made by a newer version is reported in one line, and waited for if it need not be usable yet', async () => {
    const { created, warnings } = await migrate([...done, [99, 'x']], { mustBeUsable: false })
    expect(created).toBe(0)
    expect(warnings).toEqual([expect.stringContaining('was made by a newer version of this program')])
  })

  test('a migration that was changed after it ran is refused', async () => {
    await expect(migrate([[1, 'another']])).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringMatching(/a different text of migration 1/) as string,
    })
  })
})

test('a database whose compatibility level lacks JSON holds the orders, says what to do, and recovers without a restart', async () => {
  let level = 120
  const levels = () => ({ rows: [{ columns: [int('compatibility_level')], rows: [[level]] }] })
  await using server = await startTdsServer((request) => {
    if (request.includes('compatibility_level')) return levels()
    if (request.includes('text_read') && level < 130) return { error: 208, message: "Invalid object name 'OPENJSON'." }
    return healthy(request)
  })
  const warnings: string[] = []
  await using store = await createMssqlStore({
    connectionString: `Server=127.0.0.1,${server.port};Database=orders;User Id=app;Password=x;Encrypt=false`,
    onWarning: (message) => warnings.push(message),
    onError: () => undefined,
  })
  expect(warnings).toEqual([expect.stringMatching(/compatibility level 120.*ALTER DATABASE/)])
  const storing = () => store.store.storeBatch(batchOf([orderAt(0)]))
  await expect(storing()).rejects.toMatchObject({ code: 'store-unavailable', retriable: true })
  level = 150
  await expect(storing()).resolves.toMatchObject({ counted: true })
})

const UNUSABLE = [
  'nonsense',
  'Password=s3cret',
  'Server=;Password=s3cret',
  'Server=np:x;Password=s3cret',
  'Server=x;Encrypt=s3cret',
  'Server=x;Encrypt=Optional;Password=s3cret',
  'Server=x;Authentication=s3cret',
  'Server=x;Authentication=Active Directory Interactive;Password=s3cret',
  'Server=x;Authentication=Active Directory Service Principal;Client Id=s3cret;Client Secret=s3cret',
  'Server=x;Authentication=Active Directory Password;User Id=a;Password=s3cret',
  'Server=x;Authentication=Active Directory Workload Identity;Password=s3cret',
  'Server=x;Integrated Security=true;Password=s3cret',
]

test.each(UNUSABLE)(
  'a connection string that cannot be used is refused without repeating it: %s',
  async (connectionString) => {
    const opening = createMssqlStore({ connectionString, onWarning: () => undefined, onError: () => undefined })
    const error: unknown = await opening.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'invalid-setting' })
    expect(String(error)).not.toContain('s3cret')
  },
)
