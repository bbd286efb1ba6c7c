import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createHttpServer } from '../../infra/host/http-server.ts'

const REQUEST = 'POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}'

async function startServer() {
  const server = createHttpServer({
    handle: async (request) => ({ status: 202, headers: {}, body: await request.body() }),
    onFault: (error) => expect.fail(String(error)),
  })
  const { port } = await server.listen(0, '127.0.0.1')
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  return { server, client }
}

test('a request that arrives on an idle connection after the host began to close is answered, and told that it is the last', async () => {
  const { server, client } = await startServer()
  client.write(REQUEST)
  await once(client, 'data')
  const closed = server.close()
  // Its idle connections would be gone by then.
  await nextTurn()
  client.write(REQUEST)
  expect(await text(client)).toMatch(/^HTTP\/1\.1 202 [^]*connection: close/i)
  await closed
})

test('an idle connection does not keep the host from closing', async () => {
  const { server, client } = await startServer()
  const rest = text(client)
  await server.close()
  expect(await rest).toBe('')
})
