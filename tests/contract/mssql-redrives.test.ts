import { describeMssql } from './open-mssql.ts'
import { redrivesContract } from './redrives.contract.ts'
import { repairsContract } from './repairs.contract.ts'

describeMssql((open) => {
  redrivesContract('SQL Server', open)
  repairsContract('SQL Server', open)
})
