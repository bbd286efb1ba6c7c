import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/** A server in a thread of its own that stops once, in the middle of a request, as a garbage collection would stop it. */
const { stopAtRequest, stopMs } = workerData as { stopAtRequest: number; stopMs: number }
let requests = 0

const server = createServer((request, response) => {
  requests += 1
  // Nothing else of this thread goes on: requests that come meanwhile are not even read.
  if (requests === stopAtRequest) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stopMs)
  request.resume()
  response.writeHead(202, { 'content-type': 'application/json' }).end('{}')
})
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
