#!/bin/bash
# Replaces the database with the backup in the volume and disconnects everyone. Stop order-processor first, and repair
# the ledger afterwards (docs/runbook.md):
#
#   docker compose exec -T sqlserver sh -c 'cat > /var/opt/mssql/orders.bak' < orders.bak
#   docker compose exec sqlserver /opt/orders/restore.sh
#
# A file that `docker compose cp` creates keeps its owner and mode, so SQL Server's own user could not read it.
set -euo pipefail

# Separate batches, so that none runs after a failed one. After an interruption, run the script again. The database is
# taken offline, because single-user mode would admit whichever client connects first, possibly the functions. The user
# in the backup is linked to a login on the server where the backup was made, and is relinked to one on this server.
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
