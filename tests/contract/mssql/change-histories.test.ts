import { changeHistoriesContract } from '../store/change-histories.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => changeHistoriesContract('SQL Server', open))
