import { describeMssql } from '../open-mssql.ts'
import { redrivesContract } from '../store/redrives.contract.ts'
import { repairsContract } from '../store/repairs.contract.ts'

describeMssql((open) => {
  redrivesContract('SQL Server', open)
  repairsContract('SQL Server', open)
})
