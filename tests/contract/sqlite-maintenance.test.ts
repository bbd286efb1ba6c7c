import { maintenanceContract } from './maintenance.contract.ts'
import { openSqlite, openSqliteInBlocks } from './open-sqlite.ts'

maintenanceContract('SQLite', openSqlite)
maintenanceContract('SQLite in blocks', openSqliteInBlocks)
