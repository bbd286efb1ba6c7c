import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { createHttpServer } from '../../../infra/host/http/http-server.ts'

const REQUEST_STARTED = 'http.server.request.start'

test('a client that closes its sending half after a POST gets its answer', async () => {
  const clientEnded = Promise.withResolvers<unknown>()
  const watch = (message: unknown) => clientEnded.resolve(once((message as { socket: Socket }).socket, 'end'))
  subscribe(REQUEST_STARTED, watch)
  onTestFinished(() => void unsubscribe(REQUEST_STARTED, watch))
  const server = createHttpServer({
    async handle(request) {
      await request.body()
      await clientEnded.promise
      return { status: 202, headers: {}, body: 'accepted' }
    },
    onFault(error) {
      throw error
    },
  })
  const { port } = await server.listen(0, '127.0.0.1')
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end('POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}')
  const answer = await text(socket)
  expect(answer).toMatch(/^HTTP\/1\.1 202 /)
  expect(answer).toMatch(/accepted$/)
  await server.close()
})
