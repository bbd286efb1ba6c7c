import { z } from 'zod'
import { decodeUtf8 } from '../messaging/records/headers.ts'
import { DEAD_LETTER_STATES, type KeptDeadLetter } from '../ports/dead-letters.ts'
import { cursor, from, limit, to } from './protocol/query.ts'

const state = z
  .enum(DEAD_LETTER_STATES, { error: `must be one of ${DEAD_LETTER_STATES.join(', ')}` })
  .meta({ description: 'Letters in this state.' })
const shortText = z
  .string()
  .min(1, { error: 'must not be empty' })
  .max(200, { error: 'must have at most 200 characters' })

/** The parameters of GET /api/dead-letters. */
export const deadLetterQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  state: z.exactOptional(state),
  fingerprint: z.exactOptional(shortText.meta({ description: 'Letters that died of the same thing.' })),
  /** Not `code`, which is where a function key may come. */
  cause: z.exactOptional(shortText.meta({ description: 'Letters whose last cause has this code.' })),
  orderId: z.exactOptional(shortText.meta({ description: 'Letters of this order.' })),
  from: z.exactOptional(from),
  to: z.exactOptional(to),
  foreign: z.exactOptional(
    z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .meta({ description: '`true`: letters of other consumers only. `false`: our own only.' }),
  ),
})

export const deadLetterGroupQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  state: z.exactOptional(state),
})

/** The parameters of GET /api/audit. */
export const auditQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  target: z.exactOptional(shortText.meta({ description: 'Actions on this letter, task or topic.' })),
})

/** Bytes as people and programs read them: text when they are UTF-8, and always the exact bytes in base64. */
export interface BytesView {
  readonly text: string | null
  readonly base64: string
}

export function toDeadLetterView({ key, value, editedValue, headers, ...letter }: KeptDeadLetter) {
  return {
    ...letter,
    key: toBytesView(key),
    value: toBytesView(value),
    editedValue: toBytesView(editedValue),
    headers: headers.map(([name, bytes]) => ({ name, value: toBytesView(bytes) })),
  }
}

/** A dead letter as a file that `npm run ops -- replay-fixture` runs through today's code. */
export function toFixture(letter: KeptDeadLetter) {
  return {
    format: 'order-event-processing/dead-letter/1',
    id: letter.id,
    record: {
      ...letter.origin,
      timestamp: letter.recordTimestamp,
      key: base64(letter.key),
      value: base64(letter.value),
      headers: letter.headers.map(([name, value]) => [name, base64(value)] as const),
    },
    lastCause: letter.lastCause,
  }
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64')
}

function toBytesView(bytes: Uint8Array | null): BytesView | null {
  if (bytes === null) return null
  return { text: decodeUtf8(bytes) ?? null, base64: Buffer.from(bytes).toString('base64') }
}
