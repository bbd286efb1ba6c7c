#!/bin/bash
# Backs the database up while it is in use, to a file inside the volume, and reads it back to see that it is whole:
#
#   docker compose exec sqlserver /opt/orders/backup.sh
#   docker compose cp sqlserver:/var/opt/mssql/orders.bak .
set -euo pipefail

# One batch after the other, so that nothing happens after one that failed.
SQLCMDPASSWORD=$MSSQL_SA_PASSWORD "${SQLCMD:-/opt/mssql-tools18/bin/sqlcmd}" -S localhost -U sa -C -b << 'SQL'
BACKUP DATABASE orders TO DISK = N'/var/opt/mssql/orders.bak' WITH INIT, CHECKSUM;
GO
RESTORE VERIFYONLY FROM DISK = N'/var/opt/mssql/orders.bak' WITH CHECKSUM;
GO
SQL
