import { archiveContract } from '../store/archive.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

archiveContract('SQLite', openSqlite)
