import { changeHistoriesContract } from '../store/change-histories.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open, again) =>
  changeHistoriesContract('SQL Server', async () => {
    const one = await open()
    const other = await again()
    return {
      one,
      other,
      async [Symbol.asyncDispose]() {
        await other[Symbol.asyncDispose]()
        await one[Symbol.asyncDispose]()
      },
    }
  }),
)
