import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { delivered, messageOf } from '../../support/orders/orders.ts'
import { ops } from '../../support/product/ops-cli.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ops-replay-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const base64 = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('base64'))

function fixture(changes: { value?: string } = {}): string {
  const { lossy: _, ...record } = delivered({ ...messageOf(), ...changes }, { offset: 7 })
  const file = join(directory, 'fixture.json')
  const headers = record.headers.map(([name, value]) => [name, base64(value)])
  const encoded = { ...record, key: base64(record.key), value: base64(record.value), headers }
  writeFileSync(
    file,
    JSON.stringify({ format: 'order-event-processing/dead-letter/1', id: 'orders:0:7', record: encoded }),
  )
  return file
}

test('a record that today’s code can store is stored in a throwaway store', async () => {
  expect(await ops(['replay-fixture', fixture()])).toMatchObject({ exit: 0, out: 'orders:0:7 is stored.\n', err: '' })
})

test('poison is reported with its cause', async () => {
  const { exit, out } = await ops(['replay-fixture', fixture({ value: '{"customerId":0}' }), '--json'])
  expect([exit, JSON.parse(out)]).toEqual([
    1,
    { id: 'orders:0:7', outcome: 'poison', cause: { code: 'invalid-order', detail: expect.any(String) }, stack: null },
  ])
})

test('a file that is not a fixture is refused as a usage error', async () => {
  const file = join(directory, 'other.json')
  for (const text of ['{}', '{"format":"another/1"}']) {
    writeFileSync(file, text)
    const { exit, err } = await ops(['replay-fixture', file])
    expect([exit, err]).toEqual([2, expect.stringContaining('is not a dead-letter fixture')])
  }
  const missing = await ops(['replay-fixture', join(directory, 'missing.json')])
  expect([missing.exit, missing.err]).toEqual([2, expect.stringContaining('cannot be read as JSON')])
  expect(await ops(['replay-fixture'])).toMatchObject({ exit: 2 })
})
