import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { migrate } from '../../../shared/adapters/sqlite/database/migrations.ts'
import { readMigrations } from '../../../shared/disk/migration-files.ts'

const SQL = join(import.meta.dirname, '../../../infra/sql')

/** Released migrations never change: a new migration adds a row here. */
const RELEASED = new Map([
  ['mssql/000001_create_store.sql', '5814134b6e5c7fe463b287bd99ed134e2f30e4f399f9933df43db52fed5f8acf'],
  ['mssql/000002_operators.sql', '1f597f2f771bbd366b4f9b23d34ee27d037f0ab3087cc1de3d0e5973a46421f3'],
  ['mssql/000003_maintenance.sql', '2c74872584d336ef994393be261960f51f7d9e8b710e0ba3083a7bb2472972b0'],
  ['mssql/000004_foreign_letters.sql', '7b2bc6a85632770cab00102454a96fef569e622e97f53f1306971aa4d95ad99e'],
  ['mssql/000005_lost_records.sql', 'dec117ddb9beeae2f55394f42361127aa48f7f5c0b5f9e0c282f0f63be5e47ef'],
  ['mssql/000006_audited_actions.sql', '8d58ad411e9c316250b87ab482bd4e51c60ab644d65f0c29f03e9133f695ef3d'],
  ['mssql/000007_ledger_repairs.sql', 'ff1b9d4e94326ffb8f0169cfcd2e3871f76855376cf07f8a232ccd4806ec3518'],
  ['mssql/000008_counted_logs.sql', '201c5f93584386f404ac044fd2d8be7ddb0c5223a14f5c246825f140763e73b8'],
  ['mssql/000009_lock_escalation.sql', '8b0689c07a50ab671efc6a02c4ab3573842d5972e8528a0a3de58ab6afa13d3f'],
  ['mssql/000010_gathering.sql', 'd98bb3c141c625882e8c4f5a21e621763d61d0981f53260901a5597f833ae998'],
  ['mssql/000011_clustered_gaps.sql', '0c17693a575cbaf4de901c01b0f49883442e2befe71aa2484765809f2c53ec47'],
  ['mssql/000012_references.sql', '341038e4e1d4ffd22fbbde48b2a8ad53436aef48156d2ab83a5e23564acad11a'],
  ['mssql/000013_search_reindex.sql', '40f90a554763d9ed7c2c9f5553a402a84f9f8f6b7c5783c1ec8d11f67dd41e43'],
  ['mssql/000014_order_changes.sql', '20687f0080f217a8ed2525a2553ec83265b098e468be623032ada16b559dcbae'],
  ['mssql/000015_archive.sql', 'a54b1250b6d84b2bb3a35f4bd477c4c2e12e8df29c2e199f5ebdc39687cb711d'],
  ['mssql/000016_forgotten_customers.sql', 'ba061519625ceeace8fcbd5cdc4fe7675060723e4d3787516f714d5d130894e4'],
  ['mssql/000017_retention.sql', '0ebe4024ff5ac3e3bf6ee57fc6e876d7aa90bbd98cd465551e712356d5d58596'],
  ['mssql/000018_archived_places.sql', '6d406e1fc4ba158fe45d497f8d1848adf2932bb2d845c9b6fe7cef941c45c7e5'],
  ['mssql/000019_archived_customers.sql', '254bde9b0750e5696c948d53ed6e0fa46bf4194c372cf18a0d6216db001caffc'],
  ['sqlite/000001_create_store.sql', '7f295712bf7e8466c66c2da2843735ec761cdb8fa1b9d57ec6e0292cfc0eb084'],
  ['sqlite/000002_operators.sql', 'c69123b4387a50917c6b57853df6605a0edcaa4f63a5ce68519c7a203d6cbb67'],
  ['sqlite/000003_maintenance.sql', 'f37ede6fd3ee5b0990927f62ce8328539a509111fbbd03a1c9b4978cd5ad8e36'],
  ['sqlite/000004_search_terms.sql', 'f083a8e8bae9ff7f25ce0b621cb16046e347de7ae30cab260ebd116583f0fb5a'],
  ['sqlite/000005_search_blocks.sql', '5ab3058220c530cf6e0d86f47dfc979927c81a6a9a14fe2c544df008a8fbb07b'],
  ['sqlite/000006_foreign_letters.sql', '3ffe22bbe690dc30d93473e364454364d44bbd830d1e25ece17fa1cb1be5e247'],
  ['sqlite/000007_lost_records.sql', 'cd9f9dc4e591ba969773493328563fc007a07248ec9454524f27cd14688a38df'],
  ['sqlite/000008_audited_actions.sql', '188f97bc177edd9017ecc074b229ffc89230ae848c4da105ae18db2432be5315'],
  ['sqlite/000009_ledger_repairs.sql', 'b2a24f1a71c289c67e6f861247ce86be6e9acc4c41e40431019e8f660f58608b'],
  ['sqlite/000010_counted_logs.sql', '14a5ddf9e650f31fa0557838db661548a8af0d09f2f799c223d55b51825ec91f'],
  ['sqlite/000011_gathering.sql', 'ea4c28a9efa152693084b22e9f41d416898185f28829071542a9b69c45d5a11b'],
  ['sqlite/000012_references.sql', '4587d3ed6c79fd734baf4d57a79c70cbe20bc0bb7939b9e00f3208912ea9f9c1'],
  ['sqlite/000013_search_reindex.sql', 'dee042666c6f8b21e11e4d9cd0da99f5bff52e6a320c943b9a3e0e9f5cc26e90'],
  ['sqlite/000014_no_search_blocks.sql', 'b427112c39df941ce941d3e4be3035a604c2c9ef82bdde0d9993de44e635fee2'],
  ['sqlite/000015_order_changes.sql', '62f5b33ff7976729fefa5424394bf6e4cdb5d5321da4ea430f5e661075591922'],
  ['sqlite/000016_archive.sql', '1c6b12b60e55332650ad05b0871c81ffc26b1aa6143b3bbba9d4e7da190c91d5'],
  ['sqlite/000017_forgotten_customers.sql', 'c0108a3d3d66457fcb53a50adf43ac2c102ef631579981f81bec0d3c930df34a'],
  ['sqlite/000018_retention.sql', 'e41093f3d754cc0cf837c8e3d8ba7c079fec4ede39855e9f12710a9140857eca'],
  ['sqlite/000019_archived_customers.sql', '9b98443834a7f2d3ec71aafb88738a57ad91b32872a20899d0558307c5c924e3'],
  ['sqlite/000020_merge_in_small_steps.sql', '1b5e01939d36572d99b673e11208f3f49118473807e496016ee9bf0cc140bc75'],
])

test('the text of a released migration never changes', () => {
  const texts = ['mssql', 'sqlite'].flatMap((engine) =>
    readdirSync(join(SQL, engine))
      .toSorted()
      .map((name) => `${engine}/${name}`),
  )
  const checksumOf = (name: string) => {
    const text = readFileSync(join(SQL, name), 'utf8').replaceAll('\r\n', '\n')
    return createHash('sha256').update(text).digest('hex')
  }
  expect(new Map(texts.map((name) => [name, checksumOf(name)]))).toEqual(RELEASED)
})

/** The text as first released. The checksum covers comments, so they are kept. */
const FIRST_TEXT_OF_5 = `-- The words of many orders in a row and which orders have them, in blocks that begin where the last one ended: what the
-- full-text index says, for a search whose words are common each and rare together. The index goes through the entries of
-- all of them one by one; here 65,536 orders of one word are 8 KiB at most. Blocks are written when there are orders
-- enough for one (search-blocks.ts); the orders after the last block are searched in the index alone.
CREATE TABLE search_blocks (
  first_seq INTEGER PRIMARY KEY CHECK (first_seq > 0),
  last_seq INTEGER NOT NULL CHECK (last_seq BETWEEN first_seq AND first_seq + 65535)
) STRICT;

-- \`orders\` is a set as order-set.ts packs it. Written before its block, whose row makes it valid. With an index beside
-- it, and not by its key alone: a search of a key goes through what else is in the rows that it passes.
CREATE TABLE search_block_terms (
  first_seq INTEGER NOT NULL,
  term TEXT NOT NULL,
  orders BLOB NOT NULL,
  PRIMARY KEY (first_seq, term)
) STRICT;

-- From which order on the full-text index has the mark of its stretch of positions (search-text.ts); those that were
-- stored before have it after a rebuild.
CREATE TABLE search_marks (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  from_seq INTEGER NOT NULL
) STRICT;

INSERT INTO search_marks SELECT 1, coalesce(max(seq), 0) + 1 FROM orders;
`

/** The text that was released second had smaller blocks. */
const SECOND_TEXT_OF_5 = FIRST_TEXT_OF_5.replace(
  '65,536 orders of one word are 8 KiB',
  '16,384 orders of one word are 2 KiB',
).replace('first_seq + 65535', 'first_seq + 16383')

test.each([
  ['first', FIRST_TEXT_OF_5, 'bba008018f8d8c154623d0e8b5a36177562453e1363223976d847f6c50eef827'],
  ['second', SECOND_TEXT_OF_5, '34b76202b5db6350e6922dc601f7faee4994a02659a88be104d636c67c4f4cf5'],
])('a store with the %s text of migration 5 is migrated too', (_, sql, checksum) => {
  expect(createHash('sha256').update(sql).digest('hex'), 'the text as it was published').toBe(checksum)
  const today = readMigrations(new URL('../../../infra/sql/sqlite/', import.meta.url))
  const then = today
    .slice(0, 5)
    .map((migration) => (migration.version === 5 ? { ...migration, sql, checksum } : migration))
  const db = new DatabaseSync(':memory:')
  migrate(db, 'orders.db', then)
  migrate(db, 'orders.db', today)
  const fresh = new DatabaseSync(':memory:')
  migrate(fresh, 'orders.db', today)
  const schema = "SELECT name, sql FROM sqlite_schema WHERE name LIKE 'search%' ORDER BY name"
  expect(db.prepare(schema).all()).toEqual(fresh.prepare(schema).all())
  const applied = 'SELECT version, checksum FROM schema_migrations ORDER BY version'
  expect(db.prepare(applied).all()).toEqual(fresh.prepare(applied).all())
  db.close()
  fresh.close()
})
