import { undecidedChangesContract } from '../store/undecided-changes.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => undecidedChangesContract('SQL Server', open))
