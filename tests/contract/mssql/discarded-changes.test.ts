import { discardedChangesContract } from '../store/changes/discarded-changes.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => discardedChangesContract('SQL Server', open))
