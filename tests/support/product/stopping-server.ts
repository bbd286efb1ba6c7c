import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/** A server in its own thread that pauses once in the middle of a request, as it would during a garbage collection. */
const { stopAtRequest, stopMs } = workerData as { stopAtRequest: number; stopMs: number }
let requests = 0

const server = createServer((request, response) => {
  requests += 1
  // This blocks the whole thread: requests that arrive in the meantime are not even read.
  if (requests === stopAtRequest) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stopMs)
  request.resume()
  response.writeHead(202, { 'content-type': 'application/json' }).end('{}')
})
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
