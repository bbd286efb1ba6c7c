import { describeMssql } from '../open-mssql.ts'
import { removedEntriesContract } from '../store/retention/removed-entries.contract.ts'
import { removedLettersContract } from '../store/retention/removed-letters.contract.ts'

describeMssql((open) => {
  removedLettersContract('SQL Server', open, { forgets: false })
  removedEntriesContract('SQL Server', open)
})
