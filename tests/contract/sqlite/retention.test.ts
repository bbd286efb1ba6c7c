import { openSqlite } from '../open-sqlite.ts'
import { removedEntriesContract } from '../store/retention/removed-entries.contract.ts'
import { removedLettersContract } from '../store/retention/removed-letters.contract.ts'

removedLettersContract('SQLite', openSqlite)
removedEntriesContract('SQLite', openSqlite)
