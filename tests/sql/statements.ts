import {
  batchesOf,
  CREATE_MIGRATIONS,
  LOCK,
  SELECT_MIGRATIONS,
  recordOf,
} from '../../shared/adapters/mssql/database/migrations.ts'
import { readMigrations } from '../../shared/disk/migration-files.ts'
import { READ_TEXT, withEscapesResolved } from '../../shared/adapters/mssql/database/json-texts.ts'
import * as letters from '../../shared/adapters/mssql/dead-letters/dead-letters.ts'
import { KEEP_LETTERS } from '../../shared/adapters/mssql/dead-letters/keep-letters.ts'
import { SELECT_LEDGER } from '../../shared/adapters/mssql/ledger/ledger.ts'
import { SELECT_PLACES } from '../../shared/adapters/mssql/dead-letters/letter-places.ts'
import { PROBE } from '../../shared/adapters/mssql/mssql-store.ts'
import { ASK_ALIVE } from '../../shared/adapters/mssql/database/query.ts'
import * as inspect from '../../shared/adapters/mssql/database/inspect.ts'
import { BEGIN_REPAIR, END_REPAIR } from '../../shared/adapters/mssql/ledger/ledger-repairs.ts'
import { RESET_LEDGER } from '../../shared/adapters/mssql/ledger/ledger-reset.ts'
import { BEGIN_LEDGER, MARK_BROKEN, SETTLE_LEDGER } from '../../shared/adapters/mssql/ledger/ledger-settling.ts'
import { SELECT_SCHEMA } from '../../shared/adapters/mssql/maintenance.ts'
import { RECORD_ACT } from '../../shared/adapters/mssql/dead-letters/audit.ts'
import * as operator from '../../shared/adapters/mssql/dead-letters/operator-sql.ts'
import * as views from '../../shared/adapters/mssql/orders/order-views-sql.ts'
import {
  IS_SNAPSHOT_ON,
  SELECT_LEVEL,
  TURN_SNAPSHOT_ON,
} from '../../shared/adapters/mssql/database/prepare-database.ts'
import { SELECT_EVENTS } from '../../shared/adapters/mssql/forgetting/forgotten-customers-sql.ts'
import * as forget from '../../shared/adapters/mssql/forgetting/forget-customer-sql.ts'
import * as archive from '../../shared/adapters/mssql/archive/archive-sql.ts'
import { RESTORE_ORDERS } from '../../shared/adapters/mssql/archive/restore-sql.ts'
import * as rebuild from '../../shared/adapters/mssql/rebuild/rebuild-sql.ts'
import { SWAP_ORDERS } from '../../shared/adapters/mssql/rebuild/rebuild-swap-sql.ts'
import * as redrives from '../../shared/adapters/mssql/redrives/redrive-sql.ts'
import * as retention from '../../shared/adapters/mssql/retention/retention-sql.ts'
import * as reindex from '../../shared/adapters/mssql/search/search-reindex-sql.ts'
import * as discardChange from '../../shared/adapters/mssql/changes/discard-change-sql.ts'
import { PREVIEW_CHANGES } from '../../shared/adapters/mssql/changes/order-changes-sql.ts'
import * as changes from '../../shared/adapters/mssql/changes/change-views-sql.ts'
import * as turns from '../../shared/adapters/mssql/changes/turns-sql.ts'
import { STORE_BATCH, STORE_BATCH_WITH_CHANGES } from '../../shared/adapters/mssql/orders/store-batch-sql.ts'

/** Every statement that the SQL Server adapter can send, by name, and for every set of filters that it takes. */
export function allStatements(): ReadonlyMap<string, string> {
  const statements = new Map<string, string>()
  for (const migration of readMigrations(MIGRATIONS)) {
    const { version, name } = migration
    batchesOf(migration).forEach((batch, index) => statements.set(`${version} ${name}, batch ${index + 1}`, batch))
    statements.set(`${version} ${name}, record`, recordOf(migration))
  }
  const constants = {
    ASK_ALIVE,
    BEGIN_LEDGER,
    CREATE_MIGRATIONS,
    IS_SNAPSHOT_ON,
    KEEP_LETTERS,
    LOCK,
    MARK_BROKEN,
    PREVIEW_CHANGES,
    PROBE,
    RECORD_ACT,
    READ_TEXT,
    RESET_LEDGER,
    RESTORE_ORDERS,
    SELECT_EVENTS,
    BEGIN_REPAIR,
    END_REPAIR,
    SELECT_LEDGER,
    SELECT_LEVEL,
    SELECT_MIGRATIONS,
    SELECT_PLACES,
    SELECT_SCHEMA,
    SETTLE_LEDGER,
    STORE_BATCH,
    STORE_BATCH_WITH_CHANGES,
    SWAP_ORDERS,
    TURN_SNAPSHOT_ON,
    ...constantsOf(archive),
    ...constantsOf(discardChange),
    ...constantsOf(forget),
    ...constantsOf(inspect),
    ...constantsOf(letters),
    ...constantsOf(operator),
    ...constantsOf(rebuild),
    ...constantsOf(redrives),
    ...constantsOf(reindex),
    ...constantsOf(retention),
    ...constantsOf(views),
    ...constantsOf(changes),
    ...constantsOf(turns),
  }
  for (const [name, text] of Object.entries(constants)) statements.set(name, text)
  for (const filters of subsetsOf<views.ListFilter>([
    'customerId',
    'currency',
    'paymentMethod',
    'reference',
    'from',
    'to',
    'q',
  ])) {
    statements.set(`selectStoredList by ${filters.join()}`, views.selectStoredList(new Set(filters)))
    for (const more of ['cancelled', 'notCancelled'] as const) {
      const some = [...filters, more]
      statements.set(`selectStoredList by ${some.join()}`, views.selectStoredList(new Set(some)))
    }
    statements.set(`selectStateList by ${filters.join()}`, views.selectStateList(new Set(filters)))
  }
  for (const filters of subsetsOf<letters.LetterFilter>([
    'state',
    'fingerprint',
    'code',
    'orderId',
    'from',
    'to',
    'foreign',
  ])) {
    statements.set(`selectLetters by ${filters.join()}`, letters.selectLetters(filters))
    statements.set(`countLetters by ${filters.join()}`, letters.countLetters(filters))
  }
  const byFilter = letters.filtersOf({
    fingerprint: 'f',
    code: 'c',
    orderId: 'o',
    from: FROM,
    to: FROM,
    foreign: false,
  })
  statements.set('createByFilter by all', redrives.createByFilter(byFilter.names))
  statements.set('gatherLetters by all', redrives.gatherLetters(byFilter.names))
  for (const yes of [true, false]) {
    statements.set(`selectSearch, names only: ${yes}`, views.selectSearch(yes))
    statements.set(`selectAudit, of a target: ${yes}`, redrives.selectAudit(yes))
  }
  for (const name of [
    'FORGET',
    'KEEP_LETTERS',
    'PROJECT_ORDERS',
    'RESTORE_ORDERS',
    'STORE_BATCH',
    'STORE_BATCH_WITH_CHANGES',
    'TAKE_TURNS',
  ]) {
    statements.set(`${name}, escapes resolved`, withEscapesResolved(statements.get(name) ?? ''))
  }
  return statements
}

const MIGRATIONS = new URL('../../infra/sql/mssql/', import.meta.url)
const FROM = '2026-01-01T00:00:00.000Z'

/** The SQL that a module exports, by name: complete statements and complete parts. */
function constantsOf(module: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(module).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(texts)
}

function subsetsOf<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((subsets, item) => subsets.flatMap((subset) => [subset, [...subset, item]]), [[]])
}

if (process.argv[1] === import.meta.filename) process.stdout.write(JSON.stringify(Object.fromEntries(allStatements())))
