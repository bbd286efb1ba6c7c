import { ledgerContract } from './ledger.contract.ts'
import { openSqlite } from './open-sqlite.ts'

ledgerContract('SQLite', openSqlite)
