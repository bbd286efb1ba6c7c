import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpClient, type RequestOptions } from '../../../infra/ops/client.ts'

const LIMIT_MS = 100
const LONG: RequestOptions = { takesLong: true }
const REPEATABLE: RequestOptions = { takesLong: true, isRepeatable: true }
const MAY_BE_DONE = 'It may still be running, or be done; check before you repeat the command.'
const REPEAT = 'It may still be running; repeat the command to see its outcome.'

async function clientOf(answer: RequestListener, key?: string) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, server, client: createHttpClient(url, key, 'José', LIMIT_MS) }
}

const slow: RequestListener = (request, response) => {
  request.resume()
  void sleep(5 * LIMIT_MS).then(() => response.end('{"done":true}'))
}
const hangsUp: RequestListener = (request) => request.socket.destroy()

describe('a request of an operators’ command', () => {
  it('has no time limit if it may take long', async () => {
    const { client } = await clientOf(slow)
    expect(await client.request('POST', '/', { reason: 'a test' }, LONG)).toEqual({ done: true })
    expect(await client.request('GET', '/', undefined, LONG)).toEqual({ done: true })
  })

  it.each([undefined, LONG])('has the same method, headers and body with the options %j', async (options) => {
    const seen: unknown[] = []
    const { client } = await clientOf((request, response) => {
      const { 'x-operator': operator, 'x-functions-key': key, 'content-type': type } = request.headers
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push([request.method, request.url, operator, key, type, Buffer.concat(chunks).toString()])
        response.writeHead(409).end('{"detail":"Not now."}')
      })
    }, 'the-key')
    const asked = client.request('POST', '/a?b=c', { reason: 'José' }, options)
    await expect(asked).rejects.toMatchObject({ name: 'RefusedError', status: 409, message: 'Not now.' })
    const operator = Buffer.from('José').toString('latin1')
    expect(seen).toEqual([['POST', '/a?b=c', operator, 'the-key', 'application/json', '{"reason":"José"}']])
  })

  it('that gets no response may have been carried out, unless it only reads', async () => {
    const { client, url } = await clientOf(slow)
    const why = 'there was no response within 0.1 seconds'
    await expect(client.request('POST', '/')).rejects.toThrow(`${url} did not respond: ${why}. ${MAY_BE_DONE}`)
    await expect(client.request('GET', '/')).rejects.toThrow(`${url} cannot be reached: ${why}.`)
  })

  it.each([
    [undefined, MAY_BE_DONE],
    [LONG, MAY_BE_DONE],
    [REPEATABLE, REPEAT],
  ])('whose connection breaks says so, with the options %j', async (options, advice) => {
    const { client, url } = await clientOf(hangsUp)
    const asked = client.request('POST', '/', undefined, options)
    await expect(asked).rejects.toMatchObject({ name: 'UnreachableError', message: expect.stringContaining(advice) })
    await expect(client.request('POST', '/', undefined, options)).rejects.toThrow(`${url} did not respond: `)
  })

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'whose response breaks off (%s) may have been carried out',
    async (breakOff) => {
      const { client } = await clientOf((request, response) => {
        response.writeHead(200, { 'content-length': '20' }).write('{"do')
        setTimeout(() => request.socket[breakOff](), 20)
      })
      for (const options of [REPEATABLE, { ...REPEATABLE, takesLong: true }]) {
        await expect(client.request('POST', '/', undefined, options)).rejects.toThrow(REPEAT)
      }
    },
  )

  it.each([502, 504])('that a gateway stops waiting for (%i) may still be running', async (status) => {
    const { client } = await clientOf((_, response) => void response.writeHead(status).end('{"detail":"Nobody."}'))
    const asked = client.request('POST', '/', undefined, REPEATABLE)
    const message = expect.stringMatching(new RegExp(`answered ${status}\\. ${REPEAT.replace('.', '\\.')}`))
    await expect(asked).rejects.toMatchObject({ name: 'UnreachableError', message })
    const unreachable = expect.stringMatching(new RegExp(`cannot be reached: .* answered ${status}\\.$`))
    await expect(client.request('GET', '/')).rejects.toMatchObject({ name: 'UnreachableError', message: unreachable })
  })

  it.each([undefined, REPEATABLE])('that cannot have arrived says only that, with the options %j', async (options) => {
    const { client, url, server } = await clientOf(slow)
    server.close()
    await once(server, 'close')
    const message = `${url} cannot be reached: connect ECONNREFUSED ${new URL(url).host}.`
    await expect(client.request('POST', '/', undefined, options)).rejects.toMatchObject({
      name: 'UnreachableError',
      message,
    })
  })
})
