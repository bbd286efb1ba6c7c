/** The few tokens of TDS 7.4 that a client requires of a server ([MS-TDS] 2.2.7). */

export type Column = { readonly name: string; readonly type: 'int' | 'nvarchar' }
export type ResultSet = {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (number | string | null)[])[]
}

const COLLATION = Buffer.from([0x09, 0x04, 0xd0, 0x00, 0x34])
const NULL_LENGTH = 0xffff
/** Status flags of DONE. */
const DONE_ERROR = 0x02
const DONE_COUNT = 0x10
const DONE_ATTENTION = 0x20
export const TRANSACTION_EVENTS = { begin: 8, commit: 9, rollback: 10 } as const
const TRANSACTION = Buffer.from([1, 0, 0, 0, 0, 0, 0, 1])

/** The server's response to PRELOGIN: its version, and that it does not support encryption. */
export function preLogin(): Buffer {
  const options = Buffer.from([0x00, 0, 11, 0, 6, 0x01, 0, 17, 0, 1, 0xff])
  const version = Buffer.from([16, 0, 0x10, 0x00, 0, 0])
  const notSupported = Buffer.from([2])
  return Buffer.concat([options, version, notSupported])
}

export function loginAck(): Buffer {
  const name = shortText('Scripted')
  const body = Buffer.concat([Buffer.from([1, 0x74, 0, 0, 0x04]), name, Buffer.from([16, 0, 0, 0])])
  return Buffer.concat([Buffer.from([0xad]), uint16(body.length), body, done(0xfd, 0)])
}

export function doneBatch(): Buffer {
  return done(0xfd, 0)
}

export function doneAttention(): Buffer {
  return done(0xfd, DONE_ATTENTION)
}

/** The answer to a request to begin or end a transaction. */
export function transactionChange(event: keyof typeof TRANSACTION_EVENTS): Buffer {
  const began = event === 'begin'
  const descriptor = Buffer.concat([Buffer.from([TRANSACTION.length]), TRANSACTION])
  const none = Buffer.from([0])
  const body = Buffer.concat([
    Buffer.from([TRANSACTION_EVENTS[event]]),
    began ? descriptor : none,
    began ? none : descriptor,
  ])
  return Buffer.concat([Buffer.from([0xe3]), uint16(body.length), body, done(0xfd, 0)])
}

export function error(number: number, message: string, severity: number): Buffer {
  const body = Buffer.concat([
    int32(number),
    Buffer.from([1, severity]),
    uint16(message.length),
    Buffer.from(message, 'utf16le'),
    shortText('scripted'),
    shortText(''),
    int32(1),
  ])
  return Buffer.concat([Buffer.from([0xaa]), uint16(body.length), body, done(0xfd, DONE_ERROR)])
}

export function resultSets(sets: readonly ResultSet[]): Buffer {
  const tokens = sets.flatMap((set) => [
    columnMetadata(set.columns),
    ...set.rows.map((row) => rowOf(set.columns, row)),
    done(0xff, DONE_COUNT, set.rows.length),
  ])
  const returnStatus = Buffer.concat([Buffer.from([0x79]), int32(0)])
  return Buffer.concat([...tokens, returnStatus, done(0xfe, 0)])
}

function columnMetadata(columns: readonly Column[]): Buffer {
  const of = columns.map(({ name, type }) => {
    const head = Buffer.from([0, 0, 0, 0, 0x01, 0])
    const info = type === 'int' ? Buffer.from([0x26, 4]) : Buffer.concat([Buffer.from([0xe7]), uint16(8000), COLLATION])
    return Buffer.concat([head, info, shortText(name)])
  })
  return Buffer.concat([Buffer.from([0x81]), uint16(columns.length), ...of])
}

function rowOf(columns: readonly Column[], row: readonly (number | string | null)[]): Buffer {
  const values = columns.map(({ type }, index) => {
    const value = row[index] ?? null
    if (type === 'int')
      return value === null ? Buffer.from([0]) : Buffer.concat([Buffer.from([4]), int32(Number(value))])
    if (value === null) return uint16(NULL_LENGTH)
    const text = Buffer.from(String(value), 'utf16le')
    return Buffer.concat([uint16(text.length), text])
  })
  return Buffer.concat([Buffer.from([0xd1]), ...values])
}

function done(token: number, status: number, rows = 0): Buffer {
  const buffer = Buffer.alloc(13)
  buffer.writeUInt8(token, 0)
  buffer.writeUInt16LE(status, 1)
  buffer.writeUInt16LE(0xc1, 3)
  buffer.writeBigUInt64LE(BigInt(rows), 5)
  return buffer
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'utf16le')])
}

function uint16(value: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeUInt16LE(value)
  return buffer
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32LE(value)
  return buffer
}
