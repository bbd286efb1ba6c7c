import { hash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { UnreachableError, type OpsClient } from '../../../infra/ops/client.ts'
import { perform, UsageError, type Command } from '../../../infra/ops/command.ts'
import { archive } from '../../../infra/ops/commands/archive.ts'
import { restoreArchive } from '../../../infra/ops/commands/archive-restore.ts'
import type { ArchivedOrder } from '../../../shared/domain/archived-order.ts'
import type { OrderToArchive } from '../../../shared/ports/archive.ts'
import { orderCommand } from '../../support/orders/orders.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const BEFORE = '2020-01-01'
const idOf = (n: number) => `019e2b6c-40c8-7a91-9f3e-${String(n).padStart(12, '0')}`

function documentOf(n: number): ArchivedOrder {
  return {
    orderId: idOf(n),
    acceptedAt: new Date(Date.UTC(2019, 0, 1 + n)).toISOString(),
    // U+2028 ends a line for some readers of lines.
    order: orderCommand({ shippingAddress: `${n}\u2028Line street\nTown` }),
    stored: {
      storedAt: '2019-02-01T00:00:00.000Z',
      origin: { topic: 'orders', partition: 0, offset: n },
      bodyHash: hash('sha256', `${n}`),
      idempotencyKeyHash: null,
      recovered: false,
      version: 1,
      cancelledAt: null,
      cancellationReason: null,
    },
    discarded: null,
    changes: [],
    history: [],
  }
}

/** An instance with these orders. `failsAt` is the request to archive orders that it does not answer any more. */
function instance(orders: number, { failsAt = Infinity }: { failsAt?: number } = {}) {
  const held = new Map(Array.from({ length: orders }, (_, n) => [idOf(n), documentOf(n)]))
  const asked: string[] = []
  let left = failsAt

  function exported(query: URLSearchParams) {
    const after = query.get('cursor') ?? ''
    const limit = Number(query.get('limit'))
    const all = [...held.values()].filter(({ orderId }) => orderId > after)
    const items = all.slice(0, limit).map((order) => {
      return { orderId: order.orderId, hash: hash('sha256', JSON.stringify(order)), order }
    })
    return { items, nextCursor: all.length > limit ? items.at(-1)?.orderId : null }
  }

  const client: OpsClient = {
    target: 'http://instance.example',
    async request(method, path, body) {
      const url = new URL(path, 'http://instance.example')
      asked.push(`${method} ${url.pathname}`)
      if (method === 'GET') return exported(url.searchParams)
      if (url.pathname.endsWith('/restore')) {
        const sent = (body as { orders: ArchivedOrder[] }).orders
        const missing = sent.filter(({ orderId }) => !held.has(orderId))
        for (const order of missing) held.set(order.orderId, order)
        return { restored: missing.length, known: sent.length - missing.length }
      }
      left -= 1
      if (left === 0) throw new UnreachableError('It does not answer.')
      const sent = (body as { orders: OrderToArchive[] }).orders
      return { archived: sent.filter(({ orderId }) => held.delete(orderId)).length, known: 0, changed: [] }
    },
    async [Symbol.asyncDispose]() {
      // Nothing was opened.
    },
  }
  return { client, held, asked, answersAgain: () => (left = Infinity) }
}

async function run(
  command: Command,
  { client }: Pick<ReturnType<typeof instance>, 'client'>,
  options: Record<string, string | boolean>,
  positionals: string[] = [],
) {
  const printed: string[] = []
  const context = { client, positionals, startedAt: 0, options, progress: () => undefined }
  const exit = await perform(command, { ...context, json: true, print: (text) => printed.push(text) })
  return { exit, answer: JSON.parse(printed.join('')) as Record<string, unknown> }
}

let directory: string
beforeEach(() => {
  directory = join(temporaryDirectory(), 'archive')
})

const names = (suffix: string) => readdirSync(directory).filter((name) => name.endsWith(suffix))
const firstFile = () => join(directory, names('.ndjson.gz')[0] ?? '')
const manifest = () =>
  JSON.parse(readFileSync(join(directory, names('.manifest.json')[0] ?? ''), 'utf8')) as Record<string, unknown>

describe('ops archive', () => {
  it('writes the orders and a manifest, and then lets the store give them up', async () => {
    const product = instance(450)
    const all = [...product.held.values()]
    const { exit, answer } = await run(archive, product, { before: BEFORE, to: directory })
    expect([exit, answer]).toEqual([
      0,
      expect.objectContaining({ orders: 450, changed: 0, files: names('.ndjson.gz') }),
    ])
    expect(product.held.size).toBe(0)
    const bytes = readFileSync(firstFile())
    const lines = gunzipSync(bytes).toString('utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(all)
    expect(manifest()).toEqual({
      schema: 1,
      product: expect.any(String),
      writtenAt: expect.any(String),
      before: '2020-01-01T00:00:00.000Z',
      file: names('.ndjson.gz')[0],
      bytes: bytes.length,
      sha256: hash('sha256', bytes),
      orders: 450,
      changes: 0,
      historyEntries: 0,
      firstAcceptedAt: all[0]?.acceptedAt,
      lastAcceptedAt: all.at(-1)?.acceptedAt,
    })
    expect(readdirSync(directory)).toHaveLength(2)
  })

  it('writes no file if there is nothing to archive', async () => {
    const { exit, answer } = await run(archive, instance(0), { before: BEFORE, to: directory })
    expect([exit, answer['orders'], readdirSync(directory)]).toEqual([0, 0, []])
  })

  it('can be interrupted and repeated: an order may be in two files, and none is in neither', async () => {
    const product = instance(450, { failsAt: 2 })
    await expect(run(archive, product, { before: BEFORE, to: directory })).rejects.toThrow('does not answer')
    expect(product.held.size).toBe(250)
    expect(names('.ndjson.gz')).toHaveLength(1)
    product.answersAgain()
    await run(archive, product, { before: BEFORE, to: directory })
    expect(product.held.size).toBe(0)
    const restored = instance(0)
    const { answer } = await run(restoreArchive, restored, {}, [directory])
    expect(answer).toMatchObject({ restored: 450, known: 250 })
  })

  it('only counts with --dry-run', async () => {
    const product = instance(3)
    const { answer } = await run(archive, product, { before: BEFORE, 'dry-run': true })
    expect(answer).toMatchObject({ dryRun: true, orders: 3, firstAcceptedAt: '2019-01-01T00:00:00.000Z' })
    expect(product.held.size).toBe(3)
  })

  it.each([
    [{ to: 'x' }, '--before is missing'],
    [{ before: 'yesterday', to: 'x' }, '"yesterday" is not a date'],
    [{ before: '2020-02-30', to: 'x' }, '"2020-02-30" is not a date'],
    [{ before: '2999-01-01', to: 'x' }, '2999-01-01 is in the future'],
    [{ before: BEFORE }, '--to is missing'],
    [{ before: BEFORE, to: '' }, '--to is missing'],
  ])('refuses %j before it asks the instance', async (options, said) => {
    const product = instance(1)
    const refused = run(archive, product, options)
    await expect(refused).rejects.toThrow(said)
    await expect(refused).rejects.toBeInstanceOf(UsageError)
    expect(product.asked).toEqual([])
  })

  it('refuses a directory with other content, a file, and a path that cannot be a directory', async () => {
    const product = instance(1)
    mkdirSync(directory)
    writeFileSync(join(directory, 'letters.txt'), 'mine')
    const into = (to: string) => run(archive, product, { before: BEFORE, to })
    await expect(into(directory)).rejects.toThrow('"letters.txt", which is not part of an archive')
    await expect(into(join(directory, 'letters.txt'))).rejects.toThrow('is not a directory')
    await expect(into(join(directory, 'letters.txt', 'deeper'))).rejects.toThrow('cannot be written')
    expect([product.asked, readdirSync(directory)]).toEqual([[], ['letters.txt']])
  })
})

describe('ops archive restore', () => {
  let product: ReturnType<typeof instance>
  beforeEach(async () => {
    await run(archive, instance(450), { before: BEFORE, to: directory })
    product = instance(0)
  })
  const restore = (path: string, options: Record<string, string> = {}) => run(restoreArchive, product, options, [path])

  it('takes back a file, and an order that is there stays', async () => {
    product.held.set(idOf(7), documentOf(7))
    const { exit, answer } = await restore(firstFile())
    expect([exit, answer]).toEqual([0, { restored: 449, known: 1, why: null }])
    expect(product.held.get(idOf(449))).toEqual(documentOf(449))
  })

  it('takes back one order out of a directory', async () => {
    const { answer } = await restore(directory, { order: idOf(300).toUpperCase() })
    expect([answer, [...product.held.keys()]]).toEqual([{ restored: 1, known: 0, why: null }, [idOf(300)]])
  })

  it.each([
    ['all orders', {}],
    ['one order', { order: idOf(7) }],
  ])('takes %s back as archived last, if they were restored, changed and archived again', async (_, options) => {
    const before = names('.ndjson.gz')[0] ?? ''
    const changed = { ...documentOf(7), order: orderCommand({ shippingAddress: '7 Changed Road' }) }
    const again = instance(0)
    again.held.set(changed.orderId, changed)
    // The name of a file begins with the time at which its run began, in seconds.
    const earlier = before.replace(/^orders-\d{8}/, 'orders-20200101')
    for (const suffix of ['.ndjson.gz', '.manifest.json']) {
      const renamed = (name: string) => join(directory, name.replace('.ndjson.gz', suffix))
      renameSync(renamed(before), renamed(earlier))
    }
    await run(archive, again, { before: BEFORE, to: directory })
    await restore(directory, options)
    expect(product.held.get(changed.orderId)).toEqual(changed)
  })

  it('says that no file has the order', async () => {
    const { exit, answer } = await restore(directory, { order: idOf(900) })
    expect([exit, answer['why']]).toEqual([1, expect.stringContaining(`has no order ${idOf(900)}`)])
  })

  it.each([
    ['a changed byte', () => flip(firstFile()), 'its hash is not the one in its manifest'],
    ['a cut file', () => truncateSync(firstFile(), 1000), 'It has 1000 bytes instead of'],
    ['no manifest', () => rmSync(firstFile().replace('.ndjson.gz', '.manifest.json')), 'has no manifest'],
    ['a manifest that is none', () => writeManifest('{}'), 'is not the manifest of an archive'],
    [
      'a newer version',
      () => writeManifest(JSON.stringify({ ...manifest(), schema: 2, product: '9.0.0' })),
      'was written by version 9.0.0, which is newer',
    ],
  ])('restores nothing of a file with %s', async (_, damage, said) => {
    damage()
    const { exit, answer } = await restore(directory)
    expect([exit, answer]).toEqual([1, { restored: 0, known: 0, why: expect.stringContaining(said) }])
    expect(product.asked).toEqual([])
  })

  it.each([
    ['all orders', {}, 1],
    ['one order', { order: idOf(300) }, 0],
  ])(
    'takes %s back beside a file whose run was killed before its manifest, and names the file',
    async (_, options, exitCode) => {
      const orphan = join(directory, 'orders-29990101T000000Z-00000000-0001.ndjson.gz')
      copyFileSync(firstFile(), orphan)
      const { exit, answer } = await restore(directory, options)
      expect([exit, answer['why']]).toEqual([exitCode, expect.stringContaining(`${orphan} has no manifest`)])
      expect(product.held.get(idOf(300))).toEqual(documentOf(300))
    },
  )

  it('refuses a path that holds no archive', async () => {
    await expect(restore(join(directory, 'nowhere'))).rejects.toThrow('There is no')
    await expect(restore('package.json')).rejects.toThrow('is not a file of an archive')
    await expect(restore('docs')).rejects.toThrow('holds no file of an archive')
  })

  function writeManifest(text: string): void {
    writeFileSync(join(directory, names('.manifest.json')[0] ?? ''), text)
  }
})

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes[500] = (bytes[500] ?? 0) ^ 1
  writeFileSync(file, bytes)
}
