import { undecidedChangesContract } from '../store/changes/undecided-changes.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => undecidedChangesContract('SQL Server', open))
