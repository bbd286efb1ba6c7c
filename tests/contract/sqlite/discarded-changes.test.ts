import { discardedChangesContract } from '../store/changes/discarded-changes.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

discardedChangesContract('SQLite', openSqlite)
