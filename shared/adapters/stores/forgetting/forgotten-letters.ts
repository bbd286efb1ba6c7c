import { forgetValue } from '../../../domain/forgetting/forget-value.ts'
import type { DeadLetter, KeptDeadLetter } from '../../../ports/dead-letters.ts'
import { toHeadersJson } from '../letters.ts'

/**
 * The headers that a redrive needs, none of which contains personal data. Other headers may come from other producers
 * and contain anything.
 */
const KEPT_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'ce_specversion',
  'ce_id',
  'ce_type',
  'ce_source',
  'ce_time',
  'ce_subject',
  'ce_idempotencykeyhash',
  'ce_traceparent',
  'traceparent',
  'tracestate',
  'oep-redrive-of',
  'oep-supersedes',
])

type Headers = DeadLetter['headers']
export type LetterContent = Pick<DeadLetter, 'value' | 'headers' | 'stack' | 'firstCause' | 'lastCause' | 'foreign'>

/**
 * The letter without personal data. Other consumers' exception messages are removed too, because they may quote
 * anything.
 */
export function forgetLetter<Letter extends LetterContent>(letter: Letter): Letter {
  const { value, headers, firstCause, lastCause, foreign } = letter
  const silent = foreign !== null
  return {
    ...letter,
    value: value && forgetValue(value),
    headers: forgetHeaders(headers),
    stack: null,
    firstCause: silent ? { ...firstCause, detail: '' } : firstCause,
    lastCause: silent ? { ...lastCause, detail: '' } : lastCause,
  }
}

/** The columns of a letter that is in the store, without the personal data. */
export function forgetKept(letter: KeptDeadLetter) {
  const { value, firstCause, lastCause, headers } = forgetLetter(letter)
  const editedValue = letter.editedValue && forgetValue(letter.editedValue)
  return { value, editedValue, headersJson: toHeadersJson({ headers }), firstCause, lastCause }
}

/** Whether the letter has content that would be removed if its customer were forgotten. */
export function hasPersonalData(letter: KeptDeadLetter): boolean {
  const { value, editedValue, headersJson } = forgetKept(letter)
  if (value !== letter.value || editedValue !== letter.editedValue) return true
  return headersJson !== toHeadersJson(letter) || letter.stack !== null
}

function forgetHeaders(headers: Headers): Headers {
  return headers.filter(([name]) => KEPT_HEADERS.has(name))
}
