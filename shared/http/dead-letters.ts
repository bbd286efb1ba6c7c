import { z } from 'zod'
import { decodeUtf8 } from '../messaging/headers.ts'
import { DEAD_LETTER_STATES, type KeptDeadLetter } from '../ports/dead-letters.ts'
import { cursor, instant, limit } from './query.ts'

const state = z.enum(DEAD_LETTER_STATES, { error: `must be one of ${DEAD_LETTER_STATES.join(', ')}` })
const shortText = z
  .string()
  .min(1, { error: 'must not be empty' })
  .max(200, { error: 'must have at most 200 characters' })

/** The parameters of GET /api/dead-letters. */
export const deadLetterQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  state: z.exactOptional(state),
  fingerprint: z.exactOptional(shortText),
  code: z.exactOptional(shortText),
  orderId: z.exactOptional(shortText),
  from: z.exactOptional(instant),
  to: z.exactOptional(instant),
})

export const deadLetterGroupQuery = z.object({
  limit,
  cursor: z.exactOptional(cursor),
  state: z.exactOptional(state),
})

/** Bytes as people and programs read them: text when they are UTF-8, and always the exact bytes in base64. */
export interface BytesView {
  readonly text: string | null
  readonly base64: string
}

export function toDeadLetterView({ key, value, headers, ...letter }: KeptDeadLetter) {
  return {
    ...letter,
    key: toBytesView(key),
    value: toBytesView(value),
    headers: headers.map(([name, bytes]) => ({ name, value: toBytesView(bytes) })),
  }
}

function toBytesView(bytes: Uint8Array | null): BytesView | null {
  if (bytes === null) return null
  return { text: decodeUtf8(bytes) ?? null, base64: Buffer.from(bytes).toString('base64') }
}
