import { openSqlite } from '../open-sqlite.ts'
import { decisionsContract } from '../store/decisions.contract.ts'
import { discardsContract } from '../store/discards.contract.ts'
import { redrivesContract } from '../store/redrives.contract.ts'
import { repairsContract } from '../store/repairs.contract.ts'

redrivesContract('SQLite', openSqlite)
repairsContract('SQLite', openSqlite)
discardsContract('SQLite', openSqlite)
decisionsContract('SQLite', openSqlite)
