import { maintenanceContract } from './maintenance.contract.ts'
import { openSqlite } from './open-sqlite.ts'

maintenanceContract('SQLite', openSqlite)
