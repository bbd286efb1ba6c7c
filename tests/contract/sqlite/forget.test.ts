import { forgetContract } from '../store/forget.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

forgetContract('SQLite', openSqlite)
