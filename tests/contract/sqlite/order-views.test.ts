import { orderViewsContract } from '../store/order-views.contract.ts'
import { openSqlite, SQLITE_FEATURES } from '../open-sqlite.ts'

orderViewsContract('SQLite', openSqlite, SQLITE_FEATURES)
