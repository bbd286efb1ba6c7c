import { changeHistoriesContract } from '../store/change-histories.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

changeHistoriesContract('SQLite', openSqlite)
