import { deadLettersContract } from '../store/dead-letters.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => deadLettersContract('SQL Server', open))
