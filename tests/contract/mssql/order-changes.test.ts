import { orderChangesContract } from '../store/order-changes.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => orderChangesContract('SQL Server', open))
