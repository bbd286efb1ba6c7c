import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
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

test('a request that arrives on an idle connection as the host closes is answered, and told that it is the last', async () => {
  const { server, client } = await startServer()
  client.write(REQUEST)
  await once(client, 'data')
  // It is in this machine's buffers when the host begins to close, and not yet read.
  client.write(REQUEST)
  const answer = text(client)
  await server.close()
  expect(await answer).toMatch(/^HTTP\/1\.1 202 [^]*connection: close/i)
})

test('an idle connection does not keep the host from closing', async () => {
  const { server, client } = await startServer()
  const rest = text(client)
  await server.close()
  expect(await rest).toBe('')
})
