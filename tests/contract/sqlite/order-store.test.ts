import { orderStoreContract } from '../store/order-store.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

orderStoreContract('SQLite', openSqlite)
