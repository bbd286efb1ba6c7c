import { undecidedChangesContract } from '../store/undecided-changes.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

undecidedChangesContract('SQLite', openSqlite)
