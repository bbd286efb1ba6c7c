import { orderStoreContract } from '../store/order-store.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => orderStoreContract('SQL Server', open))
