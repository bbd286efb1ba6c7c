import { orderViewsContract } from './order-views.contract.ts'
import { openSqlite, openSqliteInBlocks, SQLITE_FEATURES } from './open-sqlite.ts'

orderViewsContract('SQLite', openSqlite, SQLITE_FEATURES)
orderViewsContract('SQLite in blocks', openSqliteInBlocks, SQLITE_FEATURES)
