import { describeMssql } from '../open-mssql.ts'
import { archiveContract } from '../store/archive.contract.ts'

describeMssql((open) => archiveContract('SQL Server', open, { keepsPlaces: false }))
