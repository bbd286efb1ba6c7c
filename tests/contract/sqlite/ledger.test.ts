import { ledgerContract } from '../store/ledger.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

ledgerContract('SQLite', openSqlite)
