import { openSqlite } from './open-sqlite.ts'
import { redrivesContract } from './redrives.contract.ts'
import { repairsContract } from './repairs.contract.ts'

redrivesContract('SQLite', openSqlite)
repairsContract('SQLite', openSqlite)
