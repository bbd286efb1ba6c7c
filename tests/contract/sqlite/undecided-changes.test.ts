import { undecidedChangesContract } from '../store/changes/undecided-changes.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

undecidedChangesContract('SQLite', openSqlite)
