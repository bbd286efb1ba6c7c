import { describeMssql } from '../open-mssql.ts'
import { archiveAndRebuildContract } from '../store/archive/archive-and-rebuild.contract.ts'
import { archivedOrdersContract } from '../store/archive/archived-orders.contract.ts'
import { exportedOrdersContract } from '../store/archive/exported-orders.contract.ts'
import { givenUpOrdersContract } from '../store/archive/given-up-orders.contract.ts'
import { restoredOrdersContract } from '../store/archive/restored-orders.contract.ts'

describeMssql((open) => {
  exportedOrdersContract('SQL Server', open)
  givenUpOrdersContract('SQL Server', open)
  archivedOrdersContract('SQL Server', open)
  restoredOrdersContract('SQL Server', open)
  archiveAndRebuildContract('SQL Server', open)
})
