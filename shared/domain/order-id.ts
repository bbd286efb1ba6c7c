import { createHmac, createSecretKey, hash, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto'

/**
 * An order id is a UUID whose last 32 bits are a truncated HMAC-SHA-256 of the preceding 96 bits, so that an issued id
 * is recognised without a lookup. This is how GET can promise never to return 404 for an issued id.
 *
 * Version 7 (RFC 9562 §5.7): 48 bits of time, 12 bits of counter, 30 random bits, and the tag.
 * Version 8 (RFC 9562 §5.8): 90 bits derived from an Idempotency-Key and the order, and the tag.
 */
export interface OrderIds {
  /** A new id, greater than every earlier id of this process. */
  next(nowMs: number): string
  /** The id for this key and this order: the same arguments always produce the same id. */
  derive(idempotencyKey: string, orderJson: string): string
  /**
   * Whether the id was derived from this key and this order, with any of the secrets. Undefined if the id was not
   * derived with one of them. Unlike the stored order, which an operator may have edited, the id tells what was asked
   * for.
   */
  isDerivedFrom(orderId: string, idempotencyKey: string, orderJson: string): boolean | undefined
  /** Whether this product issued the id. Expects the canonical form that `parseOrderId` returns. */
  isIssued(orderId: string): boolean
  /**
   * Like `next`, `derive` and so on, but for changes to this order. A change id's tag also covers the order id.
   */
  nextChange(orderId: string, nowMs: number): string
  deriveChange(orderId: string, idempotencyKey: string, changeJson: string): string
  isChangeDerivedFrom(
    orderId: string,
    changeId: string,
    idempotencyKey: string,
    changeJson: string,
  ): boolean | undefined
  isIssuedChange(orderId: string, changeId: string): boolean
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
/** Where the text of a UUID has its version. */
const VERSION_AT = 14
const COUNTER_BITS = 12
const RANDOM_POOL_BYTES = 4096
/** Used for the tags of order ids. */
const NO_ORDER = ''
/** The length of an id without its tag. */
const TAGGED_BYTES = 12
/** The length of an order id as text. The tag of a change id also covers the text of the order's id. */
const ORDER_ID_BYTES = 36
const SHA256_BLOCK_BYTES = 64
const SHA256_BYTES = 32

/** The canonical, lower-case form of an order id; undefined for anything else. */
export function parseOrderId(text: string): string | undefined {
  const lower = text.toLowerCase()
  return UUID.test(lower) ? lower : undefined
}

/** When a version 7 id was generated; undefined for a derived id. */
export function issuedAt(orderId: string): Date | undefined {
  return orderId[VERSION_AT] === '7'
    ? new Date(Number.parseInt(orderId.slice(0, 8) + orderId.slice(9, 13), 16))
    : undefined
}

/**
 * SHA-256 (hex) of an Idempotency-Key. The store enforces uniqueness on the hash, so the key itself is never stored.
 */
export function idempotencyKeyHash(idempotencyKey: string): string {
  return hash('sha256', idempotencyKey)
}

/** The hash for a change. Keys are scoped to the order: the same key for another order identifies another change. */
export function changeKeyHash(orderId: string, idempotencyKey: string): string {
  return hash('sha256', `${orderId}:${idempotencyKey}`)
}

/**
 * Signs with the first secret and verifies with all secrets, so that a secret can be replaced while earlier ids stay
 * valid.
 */
export function createOrderIds(secrets: readonly [string, ...string[]]): OrderIds {
  // Each key is prepared once rather than for every id.
  const signer = createSigner(secrets[0])
  const signers = [signer, ...secrets.slice(1).map(createSigner)]
  let lastMs = 0
  let counter = 0
  let pool = randomBytes(RANDOM_POOL_BYTES)
  let used = 0

  function random32(): number {
    if (used + 4 > pool.length) {
      pool = randomBytes(RANDOM_POOL_BYTES)
      used = 0
    }
    const value = pool.readUInt32BE(used)
    used += 4
    return value
  }

  function next(nowMs: number, orderId: string): string {
    // A clock that is set back must not lead to a repeated id, so the last time is kept and the counter continues.
    if (nowMs > lastMs) {
      lastMs = nowMs
      counter = random32() >>> 22 // starts in the lower quarter, so that there is room for a busy millisecond
    } else if (++counter >>> COUNTER_BITS) {
      lastMs += 1
      counter = 0
    }
    const bytes = Buffer.allocUnsafe(16)
    bytes.writeUIntBE(lastMs, 0, 6)
    bytes.writeUInt16BE(0x7000 | counter, 6)
    bytes.writeUInt32BE(((random32() & 0x3fffffff) | 0x80000000) >>> 0, 8) // variant 10, then 30 random bits
    return sealed(bytes, orderId, signer)
  }

  function derive(orderId: string, idempotencyKey: string, json: string, by = signer): string {
    const digest = createHmac('sha256', by.secret)
      .update(`${Buffer.byteLength(idempotencyKey)}:`)
      .update(idempotencyKey)
      .update(orderId)
      .update(json)
      .digest()
    const bytes = Buffer.from(digest.subarray(0, 16))
    bytes.writeUInt16BE(0x8000 | (bytes.readUInt16BE(6) & 0x0fff), 6)
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
    return sealed(bytes, orderId, by)
  }

  function isIssued(orderId: string, id: string): boolean {
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
    if (bytes.length !== 16 || Buffer.byteLength(orderId) > ORDER_ID_BYTES) return false
    const tag = bytes.subarray(TAGGED_BYTES)
    return signers.some(({ tagOf }) => timingSafeEqual(Buffer.from(tagOf(bytes, orderId), 'hex'), tag))
  }

  function isDerivedFrom(orderId: string, id: string, idempotencyKey: string, json: string): boolean | undefined {
    if (id[VERSION_AT] !== '8' || !isIssued(orderId, id)) return undefined
    return signers.some((by) => derive(orderId, idempotencyKey, json, by) === id)
  }

  return {
    next: (nowMs) => next(nowMs, NO_ORDER),
    derive: (idempotencyKey, orderJson) => derive(NO_ORDER, idempotencyKey, orderJson),
    isDerivedFrom: (orderId, idempotencyKey, orderJson) => isDerivedFrom(NO_ORDER, orderId, idempotencyKey, orderJson),
    isIssued: (orderId) => isIssued(NO_ORDER, orderId),
    nextChange: (orderId, nowMs) => next(nowMs, orderId),
    deriveChange: (orderId, idempotencyKey, changeJson) => derive(orderId, idempotencyKey, changeJson),
    isChangeDerivedFrom: isDerivedFrom,
    isIssuedChange: isIssued,
  }
}

interface Signer {
  readonly secret: KeyObject
  readonly tagOf: (bytes: Buffer, orderId: string) => string
}

function createSigner(secret: string): Signer {
  return { secret: createSecretKey(secret, 'utf8'), tagOf: createTag(secret) }
}

function sealed(bytes: Buffer, orderId: string, { tagOf }: Signer): string {
  const hex = bytes.toString('hex', 0, TAGGED_BYTES) + tagOf(bytes, orderId)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/**
 * Computes tags, in hex: the first 32 bits of an HMAC-SHA-256 over the id's first 96 bits and, for a change, its
 * order's id. Uses two one-shot hashes (RFC 2104), because `createHmac` would create a stream for every id, which costs
 * three times as much.
 */
function createTag(secret: string): (bytes: Buffer, orderId: string) => string {
  const given = Buffer.from(secret)
  const key = Buffer.alloc(SHA256_BLOCK_BYTES)
  key.set(given.length > SHA256_BLOCK_BYTES ? hash('sha256', given, 'buffer') : given)
  const inner = Buffer.alloc(SHA256_BLOCK_BYTES + TAGGED_BYTES + ORDER_ID_BYTES)
  const outer = Buffer.alloc(SHA256_BLOCK_BYTES + SHA256_BYTES)
  inner.set(key.map((byte) => byte ^ 0x36))
  outer.set(key.map((byte) => byte ^ 0x5c))

  return function tagOf(bytes, orderId) {
    bytes.copy(inner, SHA256_BLOCK_BYTES, 0, TAGGED_BYTES)
    const end = SHA256_BLOCK_BYTES + TAGGED_BYTES + inner.write(orderId, SHA256_BLOCK_BYTES + TAGGED_BYTES)
    outer.write(hash('sha256', inner.subarray(0, end), 'hex'), SHA256_BLOCK_BYTES, 'hex')
    return hash('sha256', outer, 'hex').slice(0, 8)
  }
}
