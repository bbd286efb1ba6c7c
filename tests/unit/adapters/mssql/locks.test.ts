import { expect, test } from 'vitest'
import { LOCK_ORDER, ROWS_OF } from '../../../../shared/adapters/mssql/database/locks.ts'
import { toStoreBatchJson } from '../../../../shared/adapters/mssql/orders/store-batch-json.ts'
import { batchOf, changeAt, orderAt, parkedFrom, place } from '../../../contract/store-fixtures.ts'
import { allStatements } from '../../../sql/statements.ts'
import { parsedBatch } from '../../../../shared/adapters/stores/parsed-orders.ts'

/** Checks that the SQL that the adapter sends follows the rules in locks.ts. */
const MADE_BY_MIGRATIONS = /^\d+ \w+, /
/** CLEAR_REBUILT is sent only as part of other statements. CREATE_MIGRATIONS runs before there is anything to lock. */
const PARTS = new Set(['CLEAR_REBUILT', 'CREATE_MIGRATIONS'])
const statements = new Map(
  [...allStatements()]
    .filter(([name]) => !MADE_BY_MIGRATIONS.test(name) && !PARTS.has(name))
    .map(([name, text]) => [name, text.replaceAll(/--.*$/gm, '')]),
)
const textOf = (name: string) => {
  const text = statements.get(name)
  if (text === undefined) throw new Error(`There is no statement ${name}.`)
  return text
}

interface Write {
  readonly kind: 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE'
  readonly table: string
  /** From the verb to the end of the statement. */
  readonly text: string
  readonly at: number
}

const VERBS = /\b(INSERT INTO|UPDATE|DELETE FROM|DELETE|TRUNCATE TABLE)\s+(?:TOP \([^)]*\) (?:FROM )?)?(@?\w+)/g

/**
 * The statements in a piece of SQL that write to tables, in the order in which they occur there. Table variables do not
 * count, because they are private to the batch.
 */
function writesOf(text: string): Write[] {
  return [...text.matchAll(VERBS)].flatMap(({ 1: verb = '', 2: target = '', index }) => {
    const statement = text.slice(index, text.indexOf(';', index))
    const kind = verb.split(' ')[0] as Write['kind']
    const named = new RegExp(String.raw`\bFROM (@?\w+) AS ${target}\b|\bJOIN (@?\w+) AS ${target}\b`).exec(statement)
    const table = named?.[1] ?? named?.[2] ?? target
    return table.startsWith('@') ? [] : [{ kind, table, text: statement, at: index }]
  })
}

const writing = [...statements].filter(([, text]) => writesOf(text).length > 0)

test('every table that is written has a rank in the lock order, or belongs to one that has', () => {
  const tables = new Set(writing.flatMap(([, text]) => writesOf(text).map(({ table }) => table)))
  const known = new Set<string>([...LOCK_ORDER, ...Object.keys(ROWS_OF), 'schema_migrations'])
  expect([...tables].filter((table) => !known.has(table))).toEqual([])
  expect([...LOCK_ORDER].filter((table) => !tables.has(table))).toEqual([])
})

test.each(writing)('%s locks tables in the lock order', (_, text) => {
  const order: readonly string[] = LOCK_ORDER
  const seen: string[] = []
  for (const { table } of writesOf(text)) {
    const parent = ROWS_OF[table]
    if (parent !== undefined) expect(seen, `${table} before ${parent}`).toContain(parent)
    else if (!seen.includes(table)) seen.push(table)
  }
  expect(seen.toSorted((one, other) => order.indexOf(one) - order.indexOf(other))).toEqual(seen)
})

test('a statement that decides the outcome of records first locks their partitions', () => {
  const decides = writing.filter(([, text]) =>
    writesOf(text).some(
      ({ kind, table }) => table === 'parked_records' || (table === 'dead_letters' && kind !== 'UPDATE'),
    ),
  )
  expect(decides.map(([name]) => name).toSorted()).toEqual([
    'DISCARD',
    'DISCARD_MANY',
    'KEEP_LETTERS',
    'KEEP_LETTERS, escapes resolved',
    'RESET_LEDGER',
    'RESTORE',
    'STORE_BATCH',
    'STORE_BATCH, escapes resolved',
    'STORE_BATCH_WITH_CHANGES',
    'STORE_BATCH_WITH_CHANGES, escapes resolved',
  ])
  for (const [name, text] of decides) {
    const [first] = writesOf(text).filter(({ table }) => table !== 'forgetting')
    expect([name, first?.table]).toEqual([name, 'ledger'])
    expect(text.slice(0, first?.at)).toContain('BEGIN TRANSACTION')
  }
})

test('a decision about an order is made after locking its status', () => {
  for (const name of ['DISCARD', 'DISCARD_MANY', 'RESTORE', 'KEEP_LETTERS', 'STORE_BATCH']) {
    const [first] = writesOf(textOf(name)).filter(
      ({ table }) => ROWS_OF[table] === undefined && !['forgetting', 'ledger', 'order_changes'].includes(table),
    )
    expect([name, first?.kind, first?.table]).toEqual([name, 'UPDATE', 'order_states'])
    expect(first?.text).toMatch(/SET (?:attempt = attempt|attempt = s\.attempt)/)
  }
})

test('a decision about a letter reads it after taking all of its locks', () => {
  for (const name of ['DISCARD', 'DISCARD_MANY', 'RESTORE', 'RECORD_EDIT', 'MARK_EDITED']) {
    const text = textOf(name)
    const [, change, , ...others] = writesOf(text)
    // RESTORE also locks the order, so that it is not archived meanwhile.
    const [letter] = name === 'RESTORE' ? others.slice(1) : others
    expect([change?.table, letter?.table]).toEqual(['order_changes', 'dead_letters'])
    expect(text.indexOf('@state = d.state')).toBeGreaterThan(letter?.at ?? Infinity)
    expect(text.match(/@state = d\.state/g)).toHaveLength(1)
  }
})

test('a change is recorded, moved and decided after locking its row', () => {
  for (const name of [
    'DISCARD',
    'DISCARD_MANY',
    'DISCARD_CHANGE',
    'RESTORE',
    'KEEP_LETTERS',
    'STORE_BATCH_WITH_CHANGES',
    'TAKE_TURNS',
  ]) {
    const [first] = writesOf(textOf(name)).filter(({ table }) => table === 'order_changes')
    expect(first?.text, name).toMatch(/SET attempt = (?:c\.|k\.)?attempt\b/)
  }
})

test('each statement looks for changes to decide after its commit', () => {
  const look = /SELECT (?:DISTINCT )?w\.order_id\s+FROM order_changes/
  for (const name of ['DISCARD', 'DISCARD_MANY', 'STORE_BATCH', 'STORE_BATCH_WITH_CHANGES']) {
    const text = textOf(name)
    expect(text.search(look), name).toBeGreaterThan(text.lastIndexOf('COMMIT TRANSACTION'))
  }
})

test('a decision about changes is checked after taking all locks, and nothing is written without that check', () => {
  const text = textOf('TAKE_TURNS')
  const check = text.indexOf('SET is_sound = 0')
  const [before, after] = [true, false].map((isBefore) => writesOf(text).filter(({ at }) => at < check === isBefore))
  expect(before?.map(({ table }) => table)).toEqual(['rebuild', 'order_changes', 'order_states', 'orders'])
  // Each of these only locks its row, because it sets a column to the value that the column already has.
  for (const { text: write } of before ?? []) expect(write).toMatch(/SET (\w+) = (?:\w+\.)?\1\b/)
  const verdicts = text.slice(check, after?.[0]?.at)
  expect(verdicts).toContain('DELETE v FROM @verdicts AS v')
  for (const { table, text: write } of after ?? []) {
    const isSound = /t\.is_sound = 1|FROM @verdicts|JOIN @verdicts|JOIN @told/.test(write)
    expect([table, isSound]).toEqual([table, true])
  }
})

test.each(['REMOVE_HISTORIES', 'REMOVE_CHANGE_HISTORIES'])(
  '%s looks again for what is open after its locks',
  (name) => {
    const text = textOf(name)
    const check = text.indexOf('DELETE x\nFROM @over')
    const [before, after] = [true, false].map((isBefore) => writesOf(text).filter(({ at }) => at < check === isBefore))
    expect(before?.map(({ table }) => table)).toEqual(['order_changes', 'order_states', 'orders'])
    for (const { text: write, at } of before ?? []) {
      expect(write).toMatch(/SET (\w+) = \w+\.\1\b/)
      expect(at).toBeGreaterThan(text.indexOf('BEGIN TRANSACTION'))
    }
    const verdict = text.slice(check, after?.[0]?.at)
    for (const table of ['order_states', 'order_changes', 'dead_letters']) expect(verdict).toContain(`FROM ${table} AS`)
    for (const { text: write } of after ?? []) expect(write).toContain('@over AS o')
  },
)

test('no change is written while a rebuild puts orders back', () => {
  expect(writesOf(textOf('TAKE_TURNS'))[0]?.table).toBe('rebuild')
  expect(writesOf(textOf('SWAP_ORDERS'))[0]?.table).toBe('rebuild')
})

test('a parked record is moved only from the state in which it was read', () => {
  for (const name of ['KEEP_LETTERS', 'STORE_BATCH', 'STORE_BATCH_WITH_CHANGES']) {
    const moves = writesOf(textOf(name)).filter(
      ({ table, text }) => table === 'parked_records' && text.startsWith('UPDATE') && /SET state =/.test(text),
    )
    expect(moves.length).toBeGreaterThan(1)
    for (const { text } of moves) expect(text).toMatch(/\b[rq]\.state (?:IN \('retrying', 'dead'\)|= )/)
  }
})

test('a parked record is sought by its whole key, so that no other partition’s records are locked', () => {
  const moves = ['KEEP_LETTERS', 'STORE_BATCH', 'STORE_BATCH_WITH_CHANGES'].flatMap((name) =>
    writesOf(textOf(name)).filter(({ kind, table }) => kind === 'UPDATE' && table === 'parked_records'),
  )
  expect(moves.length).toBeGreaterThan(5)
  for (const { text } of moves) {
    expect(text).toMatch(/FROM parked_records AS [rq] WITH \(FORCESEEK\)/)
    // If the statement searched only for the group, which is a prefix of the key, it would read and wait for all the
    // rows of the group.
    expect(text).not.toMatch(/group_id = @/)
  }
})

test('statuses and gaps that a table variable names are sought, not scanned', () => {
  const changes = ['KEEP_LETTERS', 'STORE_BATCH', 'STORE_BATCH_WITH_CHANGES', 'TAKE_TURNS'].flatMap((name) =>
    writesOf(textOf(name)).filter(
      ({ table, text }) =>
        ['order_states', 'order_state_words', 'ledger_gaps'].includes(table) && /\bJOIN @/.test(text),
    ),
  )
  expect(new Set(changes.map(({ table }) => table)).size).toBe(3)
  for (const { kind, text } of changes) {
    if (kind === 'INSERT') continue
    for (const [source] of text.matchAll(/(?:order_states|order_state_words|ledger_gaps) AS \w+.*/g)) {
      expect(source, text).toContain('WITH (FORCESEEK)')
    }
  }
})

test('a batch whose orders never failed before changes no row of failures', () => {
  const text = textOf('STORE_BATCH')
  const gates = { '@@ROWCOUNT > 0': 1, '@was_parked = 1': 2, '@has_redrives = 1': 2 }
  for (const [gate, count] of Object.entries(gates)) {
    expect([gate, text.split(`IF ${gate}`).length - 1]).toEqual([gate, count])
  }
})

test('a ledger row is sought by its whole key, so that no other partition is locked', () => {
  const changes = writing.flatMap(([name, text]) =>
    writesOf(text)
      .filter(({ kind, table }) => kind === 'UPDATE' && table === 'ledger')
      .map((write) => ({ name, text: write.text })),
  )
  expect(changes.length).toBeGreaterThan(5)
  for (const { name, text } of changes) {
    expect(text, name).toMatch(/group_id = @\w+ AND (?:\w+\.)?topic = .+ AND (?:\w+\.)?log_partition = @\w+/)
    expect(text, name).toContain('FROM ledger AS l WITH (FORCESEEK)')
  }
  for (const name of ['STORE_BATCH', 'SETTLE_LEDGER']) {
    // Without READ_COMMITTED_SNAPSHOT, a scan would wait for rows that others have locked.
    expect(textOf(name).match(/SELECT @next = l\.next_offset FROM ledger AS l WITH \(FORCESEEK\)/g)).toHaveLength(1)
  }
})

test('no lock covers a range or a table, and no hint is invalid under READ_COMMITTED_SNAPSHOT', () => {
  const hints = [...statements].flatMap(([name, text]) =>
    [...text.matchAll(/\bWITH \(([A-Z, ]+)\)/g)].map(({ 1: found = '' }) => ({ name, found: found.split(', ') })),
  )
  expect(hints.length).toBeGreaterThan(0)
  for (const { name, found } of hints) {
    expect(found, name).not.toContain('HOLDLOCK')
    expect(found, name).not.toContain('SERIALIZABLE')
    expect(found.some((hint) => hint.startsWith('TABLOCK'))).toBe(false)
    // A scan would take shared or update locks on rows that other transactions use.
    if (found.includes('READCOMMITTEDLOCK') && !found.includes('READPAST')) expect(found, name).toContain('FORCESEEK')
    // With READ_COMMITTED_SNAPSHOT on, READPAST is invalid without READCOMMITTEDLOCK.
    if (found.includes('READPAST')) expect(found, name).toContain('READCOMMITTEDLOCK')
  }
})

test('a statement of more than 5,000 rows does not lock its table', () => {
  const migration = [...allStatements()].find(([name]) => name.includes('lock_escalation'))?.[1] ?? ''
  const exempt = [...migration.matchAll(/ALTER TABLE (\w+) SET \(LOCK_ESCALATION = DISABLE\)/g)].map(
    ([, table = '']) => table,
  )
  // A statement may write many rows if it writes the items and words of a batch, or of a range of offsets. Tables that
  // only the rebuild uses are left out, because locks on them block nobody else.
  const many = /'\$\.items'|'\$\.words'|FROM @parked_words|FROM @found|FROM rebuilt_/
  const large = writing.flatMap(([name, text]) =>
    writesOf(text)
      .filter(({ table, text: write }) => !table.startsWith('rebuilt_') && (many.test(write) || name === 'SWAP_ORDERS'))
      .map(({ table }) => table),
  )
  expect([...new Set(large)].filter((table) => table !== 'rebuild').toSorted()).toEqual(exempt.toSorted())
})

test('a rebuild that writes every row locks pages', () => {
  const writes = writesOf(textOf('SWAP_ORDERS')).filter(({ table }) => table.startsWith('order'))
  expect(writes.length).toBe(5)
  for (const { text } of writes) expect(text).toContain('WITH (PAGLOCK)')
})

const LOOK = 'EXISTS (SELECT 1 FROM forgotten_customers'
const LOCK_PARTITION = 'SET next_offset = l.next_offset'
const LOCK_FORGETTING = 'UPDATE forgetting SET last_at = last_at'

test.each([
  ['STORE_BATCH', LOCK_PARTITION, LOOK, 'RETURN', 'FROM order_states AS s WITH (FORCESEEK)', 'INSERT INTO orders'],
  ['STORE_BATCH_WITH_CHANGES', LOCK_PARTITION, LOOK, 'RETURN', 'INSERT INTO order_changes', 'INSERT INTO orders'],
  ['KEEP_LETTERS', LOCK_FORGETTING, LOCK_PARTITION, LOOK, 'RETURN', 'INSERT INTO order_changes'],
  ['RESTORE_ORDERS', 'UPDATE archiving', LOOK, 'RETURN', 'INSERT INTO order_changes'],
  // Before a partition is added to the ledger, the statement waits until no customer is being forgotten, because
  // forgetting cannot lock a row that does not exist yet.
  ['BEGIN_LEDGER', LOCK_FORGETTING, 'INSERT INTO ledger'],
  ['RESET_LEDGER', LOCK_FORGETTING, 'DELETE TOP (@limit) FROM ledger '],
])('%s looks for forgotten customers after taking its locks and before writing', (name, ...parts) => {
  const text = textOf(name)
  const places = parts.map((part) => text.indexOf(part))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((one, other) => one - other))
})

test('forgetting first locks whatever storing locks, then marks the customer, and then removes', () => {
  const writes = writesOf(textOf('FORGET')).filter(({ table }) => !table.startsWith('rebuilt_'))
  const [mark, check] = [
    textOf('FORGET').indexOf('INSERT INTO forgotten_customers'),
    textOf('FORGET').indexOf('SET @is_known = 0'),
  ]
  const before = writes.filter(({ at }) => at < mark).map(({ table }) => table)
  expect(before).toEqual(['archiving', 'rebuild', 'forgetting', 'ledger', 'forgotten_customers'])
  const locks = writes.filter(({ at }) => at > mark && at < check)
  expect(locks.map(({ table }) => table)).toEqual(['order_changes', 'order_states', 'orders'])
  for (const { text } of locks) expect(text).toMatch(/SET (\w+) = \w+\.\1\b/)
  const removes = writes.filter(({ at }) => at > check).map(({ table }) => table)
  expect(new Set(removes)).toEqual(
    new Set(['order_changes', 'order_states', 'order_state_words', 'orders', 'order_words', 'dead_letters', 'audit']),
  )
})

test('a batch locks the partitions of its records, parked copies and redriven letters, in order', () => {
  const orders = [
    orderAt(7, { origin: place(7, 2) }),
    orderAt(8, { origin: place(8, 1), redriveOf: 'orders@2:4:1' }),
    orderAt(9, { origin: place(9, 1) }),
  ]
  const parked = [parkedFrom(orderAt(1), { origin: place(1, 3) })]
  const partitionsOf = (delivered: 'origin' | 'copy', preview: boolean) => {
    const batch = parsedBatch(batchOf(orders, { delivered, parked }))
    const json = JSON.parse(toStoreBatchJson({ batch, indexes: [0, 1, 2], isWhole: !preview, preview })) as {
      partitions: { n: number; topic: string; partition: number }[]
    }
    return json.partitions.map(({ n, topic, partition }) => `${n} ${topic} ${partition}`)
  }
  const all = ['1 orders 1', '2 orders 2', '3 orders 3', '4 orders 4']
  expect(partitionsOf('origin', false)).toEqual(all)
  expect(partitionsOf('copy', false)).toEqual(all)
  expect(partitionsOf('origin', true)).toEqual([])
})

test('a batch locks the partitions of its changes and of the letters that these redrive', () => {
  const order = orderAt(0)
  const changes = [
    changeAt(1, order, { kind: 'cancel' }, { origin: place(1, 2), redriveOf: 'orders:5:1' }),
    changeAt(2, order, { kind: 'cancel' }, { origin: place(2, 1) }),
  ]
  const batch = parsedBatch(batchOf([], { changes }))
  const part = { batch, indexes: [], isWhole: true, preview: false }
  const json = JSON.parse(toStoreBatchJson(part)) as { partitions: { partition: number }[] }
  expect(json.partitions.map(({ partition }) => partition)).toEqual([1, 2, 5])
})
