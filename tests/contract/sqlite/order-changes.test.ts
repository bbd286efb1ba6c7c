import { orderChangesContract } from '../store/order-changes.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

orderChangesContract('SQLite', openSqlite)
