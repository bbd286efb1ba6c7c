import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { createSqliteStore } from '../../../shared/adapters/sqlite/sqlite-store.ts'
import type { Unstorable } from '../../../shared/application/processing/park.ts'
import { createStoreOrders } from '../../../shared/application/processing/store-orders.ts'
import type { DeliveredRecord } from '../../../shared/messaging/records/kafka-event.ts'
import { createPipelineEmitter } from '../../../shared/messaging/pipeline-events.ts'
import { systemClock } from '../../../shared/adapters/system-clock.ts'
import { required, UsageError, type Command } from '../command.ts'
import { readJsonFile } from '../json-file.ts'

/** The format of GET /api/dead-letters/{id}/fixture (shared/http/dead-letters.ts). */
const bytes = z.nullable(z.base64()).transform((text) => (text === null ? null : Buffer.from(text, 'base64')))
const fixtureSchema = z.object({
  format: z.literal('order-event-processing/dead-letter/1'),
  id: z.string(),
  record: z.object({
    topic: z.string(),
    partition: z.int(),
    offset: z.int(),
    timestamp: z.int(),
    key: bytes,
    value: bytes,
    headers: z.array(z.tuple([z.string(), bytes])),
  }),
})

export const replayFixture: Command = {
  name: 'replay-fixture',
  usage: '<file>',
  offline: true,
  summary: 'runs an exported dead letter through the current code with a throwaway store; exits 1 when it fails',
  examples: ['dead-letters export orders:2:41 letter.json', 'replay-fixture letter.json'],
  takes: 1,
  async run(context) {
    const { id, record } = readFixture(required(context, 0, 'The file'))
    const [failed] = await replay({ ...record, lossy: false })
    const outcome = failed === undefined ? 'stored' : failed.failure.class
    const cause = failed?.failure.cause ?? null
    const stack = outcome === 'bug' ? (failed?.failure.stack ?? null) : null
    const why = cause === null ? '.' : `, ${cause.code}: ${cause.detail}`
    const words = `${id} is ${WORDS[outcome]}${why}${stack === null ? '' : `\n\n${stack}`}`
    return { answer: { id, outcome, cause, stack }, words, well: failed === undefined }
  },
}

const WORDS = {
  stored: 'stored',
  poison: 'poison: it can never be stored as it is',
  bug: 'not stored because of a fault in the code',
  transient: 'not stored now, but another attempt may succeed',
  outage: 'not stored, because the throwaway store cannot be used',
} as const

/** Passes the record to the handler for the orders topic. Resolves with the records that the handler would park. */
async function replay(record: DeliveredRecord): Promise<readonly Unstorable[]> {
  const directory = mkdtempSync(join(tmpdir(), 'replay-'))
  const { store, [Symbol.asyncDispose]: close } = await createSqliteStore({ file: join(directory, 'orders.db') })
  const parked: Unstorable[] = []
  const storeOrders = createStoreOrders({
    originals: { log: { read: async () => [record], offsets: async () => [] }, ordersTopic: record.topic },
    store,
    park: async (unstorable) => {
      parked.push(...unstorable)
      return []
    },
    groupId: 'replay',
    delivered: 'origin',
    // The throwaway store has no dead letters, so no redrive proof can be valid.
    proofs: { holds: () => false },
    // In-place retries do not wait, because nothing here would change in the meantime.
    clock: { ...systemClock, sleep: async () => undefined },
    events: createPipelineEmitter(),
    signal: new AbortController().signal,
  })
  try {
    await storeOrders([record])
    return parked
  } finally {
    await close()
    rmSync(directory, { recursive: true })
  }
}

function readFixture(file: string): z.output<typeof fixtureSchema> {
  const parsed = fixtureSchema.safeParse(readJsonFile(file))
  if (parsed.success) return parsed.data
  const [why] = z.prettifyError(parsed.error).split('\n')
  throw new UsageError(`${file} is not a dead-letter fixture: ${why}`, { cause: parsed.error })
}
