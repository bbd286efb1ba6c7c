import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { openFoundation } from '../../shared/foundation.ts'
import { readConfig } from '../../shared/settings/config.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

function configOf(directory: string, settings: Record<string, string> = {}) {
  return readConfig({ DATA_DIR: directory, LOG_LEVEL: 'silent', ...settings }, 'embedded')
}

const source = (file: string) => join(import.meta.dirname, '../../shared', file)

/** Longer than the time after which preparing the topics is retried. */
const RETRIED_MS = 1500

describe('if the log or the store cannot be opened', () => {
  it.each([
    { damaged: 'log.db', code: 'log-unavailable', brokers: '' },
    { damaged: 'orders.db', code: 'store-unavailable', brokers: '' },
    { damaged: 'orders.db', code: 'store-unavailable', brokers: '127.0.0.1:1' },
  ])('nothing keeps the process running: $damaged, Kafka at "$brokers"', async ({ damaged, code, brokers }) => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, damaged), 'not a database')
    const settings = { DATA_DIR: directory, LOG_LEVEL: 'silent', KAFKA_BROKERS: brokers }
    const script = `
      import { openFoundation } from ${JSON.stringify(source('foundation.ts'))}
      import { readConfig } from ${JSON.stringify(source('settings/config.ts'))}
      const { adapters } = await openFoundation(readConfig(${JSON.stringify(settings)}, 'embedded'))
      await adapters.catch((error) => console.log(error.code))`
    const child = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { timeout: 20_000 })
    expect((await child).stdout.trim()).toBe(code)
  })

  it('the log beside a damaged store is closed, and its topics are not prepared any more', async () => {
    let connections = 0
    await using broker = createServer((socket) => {
      connections += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(broker, 'listening')
    const { port } = broker.address() as AddressInfo
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'orders.db'), 'not a database')
    const { adapters } = await openFoundation(configOf(directory, { KAFKA_BROKERS: `127.0.0.1:${port}` }))
    await expect(adapters).rejects.toMatchObject({ code: 'store-unavailable' })
    const before = connections
    await sleep(RETRIED_MS)
    expect(connections).toBe(before)
  })
})

describe('services that could not be opened', () => {
  it.each([
    {
      why: 'because the store is damaged',
      harm: (directory: string) => writeFileSync(join(directory, 'orders.db'), 'not a database'),
      repair: (directory: string) => rmSync(join(directory, 'orders.db')),
    },
    {
      why: 'after the log and the store were opened',
      harm: (directory: string) => mkdirSync(join(directory, 'order-id-secret')),
      repair: (directory: string) => rmdirSync(join(directory, 'order-id-secret')),
    },
  ])('$why, leave nothing open, and the next call opens them', async ({ harm, repair }) => {
    vi.resetModules()
    const { services, useSettings } = await import('../../shared/services.ts')
    const directory = temporaryDirectory()
    harm(directory)
    useSettings(configOf(directory))
    await expect(services()).rejects.toThrow()
    repair(directory)
    await using opened = await services()
    expect(opened.described.log).toContain(directory)
  })
})
