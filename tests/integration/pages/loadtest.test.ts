import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandFigures, type RunResult } from '../../../loadtest/outcome/result.ts'
import { PRODUCT_KEY, startProduct } from '../../support/product/product.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

interface Ended {
  readonly code: number
  readonly output: string
  readonly errors: string
}

function loadtest(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { PATH: process.env['PATH'] } }
    execFile(process.execPath, ['loadtest/run.ts', ...words], options, (error, output, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code), output, errors })
    })
  })
}

describe('a load test', () => {
  const out = mkdtempSync(join(tmpdir(), 'loadtest-results-'))
  afterAll(() => rmSync(out, { recursive: true }))

  it('starts the product, places orders, accounts for every order, and writes result and page', async () => {
    const { code, output, errors } = await loadtest('baseline', '--seconds', '3', '--out', out)
    expect(errors).toBe('')
    expect(code).toBe(0)
    expect(output).toContain('Nothing lost:')

    const files = readdirSync(out).sort()
    expect(files.map((file) => file.replace(/^baseline-.+Z/, ''))).toEqual(['.html', '.json'])
    const [page = '', json = ''] = files.map((file) => readFileSync(join(out, file), 'utf8'))
    const result = JSON.parse(json) as RunResult
    expect(output).toContain('Latency in ms of requests sent evenly')
    const { sent, succeeded, refused, unanswered } = commandFigures(result)
    expect({ sent, succeeded, refused, unanswered }).toEqual({ sent: 150, succeeded: 150, refused: 0, unanswered: 0 })
    const { verdict } = result
    expect(verdict).toMatchObject({ lost: 0, pending: 0, missing: 0, checked: verdict.accepted })
    expect(verdict.ledger).toMatchObject({ balanced: true, duplicate: 0, dead: 0, accepted: verdict.ledger?.stored })
    expect(verdict.ledger?.stored).toBeGreaterThanOrEqual(verdict.accepted)
    expect(result.stored?.summary.count).toBeGreaterThanOrEqual(succeeded)
    expect(page).toContain('<h1>Load test: baseline</h1>')
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })

  it.each([
    [2, 'There is no scenario', ['baselin']],
    [2, 'The results could not be written: ENOTDIR', ['baseline', '--out', 'package.json/results']],
    [2, 'The results could not be written: Path is a directory', ['baseline', '--out', out, '--junit', out]],
    [2, 'cannot be read', ['compare', 'no-such-file', 'nor-this']],
    [3, 'does not answer', ['baseline', '--url', 'http://127.0.0.1:1', '--seconds', '1']],
  ])('ends with %i and says "%s"', async (code, message, words) => {
    const ended = await loadtest(...words)
    expect(ended.errors).toContain(message)
    expect(ended.code).toBe(code)
  })

  describe('of a product whose order routes require the key', () => {
    let product: Awaited<ReturnType<typeof startProduct>>
    beforeAll(async () => {
      product = await startProduct({ ORDERS_AUTH: 'function' })
    })
    afterAll(() => product[Symbol.asyncDispose]())

    it.each([
      ['evenly', []],
      ['in bursts', ['--burst']],
    ])('sends the key with every request, sent %s, and finds every order', async (_, options) => {
      const words = ['--url', product.url, '--key', PRODUCT_KEY, '--rate', '20', '--seconds', '1', '--out', out]
      const { code, output, errors } = await loadtest('mixed', ...words, ...options)
      expect([code, errors]).toEqual([0, ''])
      expect(output).toMatch(/Nothing lost: (\d+) accepted .*, \1 of them looked up by id and found/)
    })

    it('without a key does not begin, and names the status of the refusals', async () => {
      const { code, errors } = await loadtest('soak', '--url', product.url, '--seconds', '1', '--out', out)
      expect(errors).toMatch(
        / did not accept any order, .* Of (\d+) orders, \1 got 401\. For 401: the key is .*missing/,
      )
      expect(code).toBe(3)
    })
  })

  it('names the status of a refusal without a body, which the Functions runtime sends', async () => {
    const server = createServer((request, response) => {
      response
        .writeHead(request.url === '/api/health/live' ? 200 : 401)
        .end(request.url === '/api/health/live' ? '{}' : '')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, errors } = await loadtest('soak', '--url', url, '--key', 'wrong', '--seconds', '1')
    server.close()
    expect(errors).toBe(`${url}/api/ops/ledger answered 401: the key is wrong or missing (--key, FUNCTIONS_KEY).\n`)
    expect(code).toBe(3)
  })

  describe('of a running product', () => {
    let product: Awaited<ReturnType<typeof startProduct>>
    beforeAll(async () => {
      product = await startProduct({ FAULTS: 'on' })
    })
    afterAll(() => product[Symbol.asyncDispose]())

    it('ends with 1 when an assertion does not hold, and names it', async () => {
      const junit = join(out, 'junit', 'mixed.xml')
      const words = ['--rate', '20', '--seconds', '1', '--assert', 'p50<0.001ms', '--out', out, '--junit', junit]
      const { code, output } = await loadtest('mixed', '--url', product.url, '--key', PRODUCT_KEY, ...words)
      expect(code).toBe(1)
      expect(output).toContain('does not hold: p50<0.001ms')
      // One of the default assertions.
      expect(output).toContain('holds: lost=0')
      expect(readFileSync(junit, 'utf8')).toContain('tests="5" failures="1" errors="0"')
    })

    it('climbs rate by rate, and reports the last that held', async () => {
      const words = ['--rate', '10', '--step', '1', '--seconds', '3', '--bound', 'p99<60s', '--out', out]
      const { code, output } = await loadtest('ramp', '--url', product.url, '--key', PRODUCT_KEY, ...words)
      expect(output).toMatch(/\d+ orders a second held; time ran out before a rate was found that does not hold\./)
      expect(output).toContain('Nothing lost:')
      expect(output).toMatch(/holds: knee>0 \(measured \d+\)/)
      expect(code).toBe(0)
    })

    it('does not begin with a wrong key, and reports that to a pipeline', async () => {
      const junit = join(out, 'refused.xml')
      const { code, errors } = await loadtest('soak', '--url', product.url, '--key', 'wrong', '--junit', junit)
      expect(errors).toContain('the key is wrong')
      expect(code).toBe(3)
      expect(readFileSync(junit, 'utf8')).toMatch(/errors="1"[^]*the key is wrong/)
    })

    it('sends bursts on request, and verifies the orders even without a key', async () => {
      const words = ['--rate', '10', '--seconds', '1', '--burst', '--out', out]
      const { code, output } = await loadtest('soak', '--url', product.url, ...words)
      expect(output).toContain('Latency in ms of requests sent in bursts')
      expect(output).toMatch(/No order is known to be lost: (\d+) accepted, \1 of them looked up by id and found/)
      expect(code).toBe(0)
    })

    it('makes the store unavailable for a while, and finds every order stored in the end', async () => {
      const words = ['--rate', '20', '--seconds', '3', '--out', out]
      const { code, output } = await loadtest('outage', '--url', product.url, '--key', PRODUCT_KEY, ...words)
      expect(output).toMatch(
        /Nothing lost: (\d+) accepted, \d+ stored, 0 dead-lettered, \1 of them looked up by id and found/,
      )
      expect(code).toBe(0)
    })
  })
})
