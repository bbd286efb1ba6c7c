import { maintenanceContract } from '../store/maintenance.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

maintenanceContract('SQLite', openSqlite)
