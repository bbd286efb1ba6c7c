import { describeMssql } from '../open-mssql.ts'
import { decisionsContract } from '../store/decisions.contract.ts'
import { discardsContract } from '../store/discards.contract.ts'
import { redrivesContract } from '../store/redrives.contract.ts'
import { repairsContract } from '../store/repairs.contract.ts'

describeMssql((open) => {
  redrivesContract('SQL Server', open)
  repairsContract('SQL Server', open)
  discardsContract('SQL Server', open)
  decisionsContract('SQL Server', open)
})
