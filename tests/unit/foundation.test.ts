import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFoundation } from '../../shared/foundation.ts'
import { readConfig } from '../../shared/settings/config.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** Nobody listens on this port, so the topics cannot be prepared. */
const BROKERS = '127.0.0.1:1'

function open(directory: string, settings: Record<string, string> = {}) {
  return openFoundation(readConfig({ DATA_DIR: directory, LOG_LEVEL: 'silent', ...settings }, 'embedded'))
}

describe('a store that cannot be opened', () => {
  it('ends the wait for the log, and releases the data directory', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'orders.db'), 'not a database')
    const { adapters, stopping } = await open(directory, { KAFKA_BROKERS: BROKERS })
    await expect(adapters).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(stopping.signal.aborted).toBe(true)

    const again = await open(directory)
    await expect(again.adapters).rejects.toMatchObject({ code: 'store-unavailable' })
  })
})
