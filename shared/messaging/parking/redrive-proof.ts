import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { LogRecord, RecordToPublish } from '../../ports/event-log.ts'
import { HEADER, headerText } from '../records/headers.ts'

/**
 * Proves that this installation sent a record that claims to redrive a dead letter: an HMAC-SHA-256 over the letter's
 * id and the record's key and value. A copy in a retry topic or the dead-letter topic has no proof, because parking
 * leaves the proof out. Each installation signs with its own secret (docs/decisions/018).
 */
export interface RedriveProofs {
  /** The record with its proof added. */
  prove(record: RecordToPublish): RecordToPublish
  holds(record: LogRecord): boolean
}

/** Signs with the first secret and verifies with all of them, as is done for order ids. */
export function createRedriveProofs(secrets: readonly [string, ...string[]]): RedriveProofs {
  const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'))
  const signing = createSecretKey(secrets[0], 'utf8')
  return {
    prove(record) {
      const headers = record.headers.map(([name, value]) => [name, bytesOf(value)] as const)
      const proof = proofOf(signing, { ...record, headers }).toString('hex')
      return { ...record, headers: [...record.headers, [HEADER.redriveProof, proof]] }
    },
    holds(record) {
      const text = headerText(record, HEADER.redriveProof) ?? ''
      const proof = Buffer.from(text, 'hex')
      return proof.length === 32 && keys.some((key) => timingSafeEqual(proofOf(key, record), proof))
    },
  }
}

type Signed = Pick<RecordToPublish, 'key' | 'value'> & Pick<LogRecord, 'headers'>

function proofOf(secret: KeyObject, record: Signed): Buffer {
  const hmac = createHmac('sha256', secret).update('redrive\n')
  const marks = [HEADER.redriveOf, HEADER.supersedes].map((name) => headerText(record, name) ?? null)
  // Each part is preceded by its length, so that no two records produce the same signed bytes.
  for (const part of [...marks, record.key, record.value].map(bytesOf)) {
    hmac.update(`${part?.length ?? 'none'}:`).update(part ?? '')
  }
  return hmac.digest()
}

function bytesOf(value: Uint8Array | string | null): Uint8Array | null {
  return typeof value === 'string' ? Buffer.from(value) : value
}
