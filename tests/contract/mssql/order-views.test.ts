import { describeMssql, MSSQL_FEATURES } from '../open-mssql.ts'
import { orderViewsContract } from '../store/order-views.contract.ts'

describeMssql((open) => orderViewsContract('SQL Server', open, MSSQL_FEATURES))
