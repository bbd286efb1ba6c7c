import { ledgerContract } from '../store/ledger.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => ledgerContract('SQL Server', open))
