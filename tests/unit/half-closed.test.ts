import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createHttpServer } from '../../infra/host/http-server.ts'

test('a client that closes its sending half after a POST gets its answer', async () => {
  const server = createHttpServer({
    async handle(request) {
      await request.body()
      // As a flush takes: long enough for the client's end to arrive.
      await sleep(50)
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
