#!/bin/bash
# Puts the back-up in the volume in the database's place, whoever is connected. order-processor should be stopped, and the
# ledger be repaired afterwards (docs/runbook.md):
#
#   docker compose cp orders.bak sqlserver:/var/opt/mssql/orders.bak
#   docker compose exec sqlserver /opt/orders/restore.sh
set -euo pipefail

# One batch after the other, so that nothing happens after one that failed; what was interrupted can be run again.
# Offline, for a database with a single user lets in whoever comes first, which may be the functions again. The user in
# the back-up belongs to the login of the server that it was made on.
SQLCMDPASSWORD=$MSSQL_SA_PASSWORD "${SQLCMD:-/opt/mssql-tools18/bin/sqlcmd}" -S localhost -U sa -C -b << 'SQL'
RESTORE VERIFYONLY FROM DISK = N'/var/opt/mssql/orders.bak' WITH CHECKSUM;
GO
IF DATABASEPROPERTYEX('orders', 'Status') = 'ONLINE' ALTER DATABASE orders SET OFFLINE WITH ROLLBACK IMMEDIATE;
GO
RESTORE DATABASE orders FROM DISK = N'/var/opt/mssql/orders.bak' WITH REPLACE, CHECKSUM;
GO
USE orders;
ALTER USER orders WITH LOGIN = orders;
GO
SQL
