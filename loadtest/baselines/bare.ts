import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { announce } from './settings.ts'

/** The minimal intake: reads and parses the body and responds with 202. Orders are neither validated nor stored. */
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString())
    response.writeHead(202, { 'content-type': 'application/json' })
    response.end('{"status":"accepted"}')
  })
})

server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port))
