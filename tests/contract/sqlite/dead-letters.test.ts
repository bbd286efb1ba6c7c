import { deadLettersContract } from '../store/dead-letters.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

deadLettersContract('SQLite', openSqlite)
