import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

const returned = new Set<number>()

/**
 * A TCP port on which nothing listens at any address. Each call returns another one, because the system may choose a
 * port again as soon as it is closed.
 */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  if (returned.has(port)) return freePort()
  returned.add(port)
  return port
}
