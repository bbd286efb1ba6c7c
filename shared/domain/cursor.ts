import { createHash } from 'node:crypto'
import { OrderError } from './errors.ts'

/**
 * Marks where a page ended. A cursor is opaque and valid only for the query that produced it, because the same position
 * in another result would skip or repeat rows. The version makes sure that a cursor of another format is refused
 * instead of being misread.
 */
const VERSION = 1

/** `position` consists of integers and short strings, depending on the query. */
export function toCursor(query: object, position: readonly (number | string)[]): string {
  return Buffer.from(JSON.stringify([VERSION, hashOf(query), ...position])).toString('base64url')
}

/**
 * One page of the rows that a query found. The query fetches one row more than the page holds; that extra row shows
 * whether there is a next page.
 */
export function toPage<Row, Item>(
  query: { readonly limit: number },
  found: readonly Row[],
  toItem: (row: Row) => Item,
  positionOf: (last: Row) => readonly (number | string)[],
): { items: Item[]; nextCursor: string | null } {
  const page = found.slice(0, query.limit)
  const last = page.at(-1)
  const hasMore = last !== undefined && found.length > page.length
  return { items: page.map(toItem), nextCursor: hasMore ? toCursor(query, positionOf(last)) : null }
}

/**
 * The cursor's position; undefined for a query without a cursor. Throws `invalid-request` for a cursor from another
 * query.
 */
export function fromCursor<const Types extends readonly ('number' | 'string')[]>(
  query: { readonly cursor?: string },
  types: Types,
): { -readonly [I in keyof Types]: Types[I] extends 'number' ? number : string } | undefined {
  if (query.cursor === undefined) return undefined
  const [version, hash, ...position] = parse(query.cursor)
  const fits = position.length === types.length && types.every((type, index) => isOfType(position[index], type))
  if (version !== VERSION || hash !== hashOf(query) || !fits) throw invalidCursor()
  return position as unknown as { -readonly [I in keyof Types]: Types[I] extends 'number' ? number : string }
}

function isOfType(value: unknown, type: 'number' | 'string'): boolean {
  return type === 'number' ? Number.isSafeInteger(value) : typeof value === 'string'
}

function parse(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch (error) {
    throw invalidCursor(error)
  }
}

function invalidCursor(cause?: unknown): OrderError {
  return new OrderError('invalid-request', 'The cursor does not belong to this query.', {
    cause,
    violations: [{ pointer: 'cursor', detail: 'is not a cursor of this list' }],
  })
}

/** The page size may change between pages; all other parameters are part of the query's identity. */
function hashOf(query: object): string {
  const filters = Object.entries(query)
    .filter(([name, value]) => name !== 'cursor' && name !== 'limit' && value !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 11)
}
