import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createHttpServer } from '../../../infra/host/http/http-server.ts'

const AFTER_THE_GRACE_MS = 800
const REQUEST = 'POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}'

async function startServer(before: (nth: number) => Promise<unknown> = async () => undefined) {
  let requests = 0
  const server = createHttpServer({
    async handle(request) {
      await before((requests += 1))
      return { status: 202, headers: {}, body: await request.body() }
    },
    onFault: (error) => expect.fail(String(error)),
  })
  const { port } = await server.listen(0, '127.0.0.1')
  const client = await connected(port)
  return { server, port, client }
}

async function connected(port: number) {
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  return client
}

test('a request on an idle connection after the host began to close is answered, and marked as the last', async () => {
  const { server, client } = await startServer()
  client.write(REQUEST)
  await once(client, 'data')
  const closed = server.close()
  // A host that closed idle connections at once would have done so by then.
  await nextTurn()
  client.write(REQUEST)
  expect(await text(client)).toMatch(/^HTTP\/1\.1 202 [^]*connection: close/i)
  await closed
})

test('a request in flight is answered even if another was answered after the host began to close', async () => {
  const second = Promise.withResolvers<void>()
  const { server, port, client } = await startServer(async (nth) => (nth === 2 ? second.promise : undefined))
  const other = await connected(port)
  const closed = server.close()
  await nextTurn()
  client.write(REQUEST)
  await text(client)
  other.write(REQUEST)
  const answer = text(other)
  // The second request ends only once the host has closed the idle connections and the request's own connection is the
  // only one left.
  await vi.waitFor(() => expect(server.inFlight).toBe(1))
  void sleep(AFTER_THE_GRACE_MS).then(() => second.resolve())
  expect(await answer).toMatch(/^HTTP\/1\.1 202 /)
  await closed
})

test('an idle connection does not keep the host from closing', async () => {
  const { server, client } = await startServer()
  const rest = text(client)
  await server.close()
  expect(await rest).toBe('')
})
