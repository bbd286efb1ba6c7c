import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { RefusedError } from '../../../infra/ops/client.ts'
import { UsageError } from '../../../infra/ops/command.ts'
import { archive } from '../../../infra/ops/commands/archive.ts'
import { restoreArchive } from '../../../infra/ops/commands/archive-restore.ts'
import { orderCommand } from '../../support/orders/orders.ts'
import { BEFORE, documentOf, idOf, instance, run } from '../../support/product/archive-instance.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let directory: string
beforeEach(() => {
  directory = join(temporaryDirectory(), 'archive')
})

const names = (suffix: string) => readdirSync(directory).filter((name) => name.endsWith(suffix))
const firstFile = () => join(directory, names('.ndjson.gz')[0] ?? '')
const manifest = () =>
  JSON.parse(readFileSync(join(directory, names('.manifest.json')[0] ?? ''), 'utf8')) as Record<string, unknown>

describe('ops archive restore', () => {
  let product: ReturnType<typeof instance>
  beforeEach(async () => {
    await run(archive, instance(450), { before: BEFORE, to: directory })
    product = instance(0)
  })
  const restore = (path: string, options: Record<string, string> = {}) => run(restoreArchive, product, options, [path])

  it('restores a file, and leaves an order that is there unchanged', async () => {
    product.held.set(idOf(7), documentOf(7))
    const { exit, answer } = await restore(firstFile())
    expect([exit, answer]).toEqual([0, { restored: 449, known: 1, why: null }])
    expect(product.held.get(idOf(449))).toEqual(documentOf(449))
  })

  it('restores one order from a directory', async () => {
    const { answer } = await restore(directory, { order: idOf(300).toUpperCase() })
    expect([answer, [...product.held.keys()]]).toEqual([{ restored: 1, known: 0, why: null }, [idOf(300)]])
  })

  it.each([
    ['all orders', {}],
    ['one order', { order: idOf(7) }],
  ])('takes %s back as last archived, after a restore, a change and another archive', async (_, options) => {
    const before = names('.ndjson.gz')[0] ?? ''
    const changed = { ...documentOf(7), order: orderCommand({ shippingAddress: '7 Changed Road' }) }
    const again = instance(0)
    again.held.set(changed.orderId, changed)
    // A file's name starts with `orders-` and the time at which its run began, to the second.
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
    ['a changed byte', () => flip(firstFile()), 'its hash differs from the one in its manifest'],
    ['a cut file', () => truncateSync(firstFile(), 1000), 'It has 1000 bytes instead of'],
    ['an empty manifest', () => writeManifest({}), 'is not a valid manifest. Restore it from a copy'],
    ['a schema that never existed', () => changeManifest({ schema: 0 }), 'is not a valid manifest'],
    [
      'a newer version',
      () => changeManifest({ schema: 2, product: '9.0.0' }),
      'was written by version 9.0.0, which is newer',
    ],
    ['another number of orders', () => changeManifest({ orders: 449 }), 'orders is 450, not 449'],
    ['another number of changes', () => changeManifest({ changes: 1 }), 'changes is 0, not 1'],
    ['another number of entries', () => changeManifest({ historyEntries: 7 }), 'historyEntries is 0, not 7'],
    [
      'another time span',
      () => changeManifest({ firstAcceptedAt: '2018-01-01T00:00:00.000Z', lastAcceptedAt: 'never' }),
      'firstAcceptedAt is 2019-01-01T00:00:00.000Z, not 2018-01-01T00:00:00.000Z; lastAcceptedAt is',
    ],
    ['a changed byte and no manifest', () => withoutManifest(() => flip(firstFile())), 'is damaged'],
    ['a cut and no manifest', () => withoutManifest(() => truncateSync(firstFile(), 1000)), 'unexpected end of file'],
    ['a changed checksum and no manifest', () => withoutManifest(() => flip(firstFile(), -8)), 'incorrect data check'],
    ['no content and no manifest', () => withoutManifest(() => truncateSync(firstFile())), 'is damaged'],
    [
      'no orders and no manifest',
      () => withoutManifest(() => writeFileSync(firstFile(), gzipSync(''))),
      'contains no orders',
    ],
    [
      'a line that is not an order and no manifest',
      () => withoutManifest(() => writeFileSync(firstFile(), gzipSync('{"orderId":"none"}\n'))),
      'contains a line that is not an order',
    ],
    [
      'a line that does not end and no manifest',
      () => withoutManifest(() => writeFileSync(firstFile(), gzipSync(JSON.stringify(documentOf(0))))),
      'ends in the middle of a line',
    ],
  ])('restores nothing of a file with %s', async (_, damage, said) => {
    damage()
    const { exit, answer } = await restore(directory)
    expect([exit, answer]).toEqual([1, { restored: 0, known: 0, why: expect.stringContaining(said) }])
    expect(product.asked).toEqual([])
  })

  it.each([
    ['all orders', {}, 450],
    ['one order', { order: idOf(300) }, 1],
  ])('takes %s back from a file whose manifest was lost, and names the file', async (_, options, restored) => {
    const file = firstFile()
    withoutManifest()
    const { exit, answer } = await restore(directory, options)
    const why = `${file} has no manifest, but its checksum is correct.`
    expect([exit, answer]).toEqual([0, { restored, known: 0, why }])
    expect(product.held.get(idOf(300))).toEqual(documentOf(300))
  })

  it.each([
    ['all orders', {}, 1],
    ['one order', { order: idOf(300) }, 0],
  ])('takes %s back despite a damaged file, and names the file', async (_, options, exitCode) => {
    const damaged = join(directory, 'orders-29990101T000000Z-00000000-0001.ndjson.gz')
    copyFileSync(firstFile(), damaged)
    truncateSync(damaged, 1000)
    const { exit, answer } = await restore(directory, options)
    expect([exit, answer['why']]).toEqual([exitCode, expect.stringContaining(`${damaged} is damaged`)])
    expect(product.held.get(idOf(300))).toEqual(documentOf(300))
  })

  it('says what was done before a request was refused, and ends with the refusal', async () => {
    const refusal = new RefusedError(409, 'A rebuild is running.')
    product = instance(0, { failsAt: 3, failure: refusal })
    const { ended, answer } = await restore(directory)
    expect(ended).toBe(refusal)
    expect(answer).toEqual({ restored: 400, known: 0, why: 'A rebuild is running.' })
  })

  it('prints nothing if its first request is refused', async () => {
    const refusal = new RefusedError(409, 'A rebuild is running.')
    product = instance(0, { failsAt: 1, failure: refusal })
    await expect(restore(directory)).rejects.toBe(refusal)
  })

  it.each(['nope', ''])('refuses the id "%s" before it reads a file', async (order) => {
    const refused = restore(join(directory, 'nowhere'), { order })
    await expect(refused).rejects.toBeInstanceOf(UsageError)
    await expect(refused).rejects.toThrow(`--order ${JSON.stringify(order)} is not an order id`)
  })

  it('refuses a path that holds no archive', async () => {
    await expect(restore(join(directory, 'nowhere'))).rejects.toThrow('nowhere does not exist')
    await expect(restore('package.json')).rejects.toThrow('is not an archive file')
    await expect(restore('docs')).rejects.toThrow('contains no archive files')
  })

  it('refuses a path that cannot be looked at', async () => {
    const loop = join(directory, 'loop')
    symlinkSync(loop, loop)
    const refused = restore(loop)
    await expect(refused).rejects.toBeInstanceOf(UsageError)
    await expect(refused).rejects.toThrow(`${loop} cannot be read: ELOOP`)
  })

  it.each([true, false])('names a file that cannot be read, with a manifest: %s', async (hasManifest) => {
    const [file, unreadable] = [firstFile(), join(directory, 'orders-29990101T000000Z-00000000-0001.ndjson.gz')]
    mkdirSync(unreadable)
    const toManifest = (path: string) => path.replace('.ndjson.gz', '.manifest.json')
    if (hasManifest) copyFileSync(toManifest(file), toManifest(unreadable))
    const { exit, answer } = await restore(directory)
    expect([exit, answer['restored'], answer['why']]).toEqual([
      1,
      450,
      expect.stringContaining(`${unreadable} cannot be read: EISDIR`),
    ])
  })

  function writeManifest(content: object): void {
    writeFileSync(join(directory, names('.manifest.json')[0] ?? ''), JSON.stringify(content))
  }

  function changeManifest(changes: object): void {
    writeManifest({ ...manifest(), ...changes })
  }

  function withoutManifest(act: () => void = () => undefined): void {
    act()
    rmSync(firstFile().replace('.ndjson.gz', '.manifest.json'))
  }
})

/** Changes one bit of the byte at this index, which counts from the end if it is negative. */
function flip(file: string, index = 500): void {
  const bytes = readFileSync(file)
  const at = index < 0 ? bytes.length + index : index
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}
