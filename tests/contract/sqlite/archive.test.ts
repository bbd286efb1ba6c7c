import { openSqlite } from '../open-sqlite.ts'
import { archiveAndRebuildContract } from '../store/archive/archive-and-rebuild.contract.ts'
import { archivedOrdersContract } from '../store/archive/archived-orders.contract.ts'
import { exportedOrdersContract } from '../store/archive/exported-orders.contract.ts'
import { givenUpOrdersContract } from '../store/archive/given-up-orders.contract.ts'
import { restoredOrdersContract } from '../store/archive/restored-orders.contract.ts'

exportedOrdersContract('SQLite', openSqlite)
givenUpOrdersContract('SQLite', openSqlite)
archivedOrdersContract('SQLite', openSqlite)
restoredOrdersContract('SQLite', openSqlite)
archiveAndRebuildContract('SQLite', openSqlite)
