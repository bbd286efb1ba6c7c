import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { RefusedError, UnreachableError } from '../../../infra/ops/client.ts'
import { UsageError } from '../../../infra/ops/command.ts'
import { archive } from '../../../infra/ops/commands/archive.ts'
import { restoreArchive } from '../../../infra/ops/commands/archive-restore.ts'
import { BEFORE, instance, run } from '../../support/product/archive-instance.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let directory: string
beforeEach(() => {
  directory = join(temporaryDirectory(), 'archive')
})

const names = (suffix: string) => readdirSync(directory).filter((name) => name.endsWith(suffix))
const firstFile = () => join(directory, names('.ndjson.gz')[0] ?? '')
const manifest = () =>
  JSON.parse(readFileSync(join(directory, names('.manifest.json')[0] ?? ''), 'utf8')) as Record<string, unknown>

describe('ops archive', () => {
  it('writes the orders and a manifest, and then has the store remove the orders', async () => {
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
    const { ended } = await run(archive, product, { before: BEFORE, to: directory })
    expect(ended).toBeInstanceOf(UnreachableError)
    expect(product.held.size).toBe(425)
    expect(names('.ndjson.gz')).toHaveLength(1)
    product.answersAgain()
    await run(archive, product, { before: BEFORE, to: directory })
    expect(product.held.size).toBe(0)
    const restored = instance(0)
    const { answer } = await run(restoreArchive, restored, {}, [directory])
    expect(answer).toMatchObject({ restored: 450, known: 425 })
  })

  it('says what was done before a request was refused, and ends with the refusal', async () => {
    const refusal = new RefusedError(409, 'A rebuild is running.')
    const product = instance(450, { failsAt: 2, failure: refusal })
    const { ended, answer } = await run(archive, product, { before: BEFORE, to: directory })
    expect(ended).toBe(refusal)
    expect(answer).toMatchObject({ orders: 25, files: names('.ndjson.gz'), why: 'A rebuild is running.' })
  })

  it('says in one sentence that it cannot write, and loses nothing', async () => {
    const product = instance(450)
    const removes: typeof product.client.request = (...asked) => {
      rmSync(directory, { recursive: true, force: true })
      return product.client.request(...asked)
    }
    const client = { ...product.client, request: removes }
    const { exit, answer } = await run(archive, { client }, { before: BEFORE, to: directory })
    const why = expect.stringMatching(
      /^A file in .* could not be written \(ENOENT: .*\)\. The orders .* stay in the store\.$/,
    )
    expect([exit, answer]).toEqual([1, expect.objectContaining({ orders: 0, files: [], why })])
    expect(product.held.size).toBe(450)
  })

  it('prints nothing if it is refused before it has done anything', async () => {
    const { client } = instance(1)
    const refusal = new RefusedError(401, 'The key is wrong.')
    const refuses = { client: { ...client, request: async () => Promise.reject(refusal) } }
    await expect(run(archive, refuses, { before: BEFORE, to: directory })).rejects.toBe(refusal)
  })

  it('only counts with --dry-run', async () => {
    const product = instance(3)
    const { answer } = await run(archive, product, { before: BEFORE, 'dry-run': true })
    expect(answer).toMatchObject({ dryRun: true, orders: 3, firstAcceptedAt: '2019-01-01T00:00:00.000Z' })
    expect(product.held.size).toBe(3)
  })

  it('checks the directory with --dry-run too, and leaves no directory behind', async () => {
    const product = instance(3)
    const preview = (to: string) => run(archive, product, { before: BEFORE, to, 'dry-run': true })
    expect((await preview(join(directory, 'deeper'))).answer).toMatchObject({ orders: 3 })
    expect(existsSync(directory)).toBe(false)
    mkdirSync(directory)
    writeFileSync(join(directory, 'letters.txt'), 'mine')
    const asked = product.asked.length
    await expect(preview(directory)).rejects.toThrow('"letters.txt", which is not part of an archive')
    await expect(preview(join(directory, 'letters.txt', 'deeper'))).rejects.toThrow('cannot be written')
    await expect(preview('')).rejects.toThrow('--to is missing')
    expect(product.asked).toHaveLength(asked)
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
