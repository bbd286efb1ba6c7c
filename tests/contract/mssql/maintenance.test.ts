import { maintenanceContract } from '../store/maintenance.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => maintenanceContract('SQL Server', open))
