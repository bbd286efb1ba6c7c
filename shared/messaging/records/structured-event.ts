import type { LogRecord } from '../../ports/event-log.ts'
import { decodeUtf8, HEADER, headerText } from './headers.ts'

/**
 * CloudEvents' structured mode: the whole event as one JSON object, data and attributes together
 * (cloudevents/formats/json-format.md). This product writes binary mode; other producers may send structured mode.
 */
const CONTENT_TYPE = 'application/cloudevents+json'

/** Whether the record declares its value to be an event in structured mode. */
function isStructured(record: LogRecord): boolean {
  const [mediaType = ''] = (headerText(record, HEADER.contentType) ?? '').split(';')
  return mediaType.trim().toLowerCase() === CONTENT_TYPE
}

/** The same record in binary mode; undefined if its value is not an event in structured mode. */
export function toBinaryMode(record: LogRecord): LogRecord | undefined {
  const event = isStructured(record) ? readObject(record.value) : undefined
  if (event === undefined) return undefined
  const { data, data_base64: base64, ...attributes } = event
  const value = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(JSON.stringify(data ?? null))
  const described = Object.entries(attributes).flatMap(([name, attribute]) =>
    ['string', 'number', 'boolean'].includes(typeof attribute)
      ? [[`ce_${name}`, Buffer.from(String(attribute))] as const]
      : [],
  )
  return { ...record, value, headers: [...record.headers, ...described] }
}

function readObject(value: Uint8Array | null): Record<string, unknown> | undefined {
  const text = value === null ? undefined : decodeUtf8(value)
  if (text === undefined) return undefined
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined
  } catch {
    // The caller reports what is wrong with the value.
    return undefined
  }
}
