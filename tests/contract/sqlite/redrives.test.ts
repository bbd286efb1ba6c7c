import { openSqlite } from '../open-sqlite.ts'
import { redrivesContract } from '../store/redrives.contract.ts'
import { repairsContract } from '../store/repairs.contract.ts'

redrivesContract('SQLite', openSqlite)
repairsContract('SQLite', openSqlite)
