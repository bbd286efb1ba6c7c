#!/bin/bash
# Backs up the database while it is in use, to a file in the volume, and verifies the file:
#
#   docker compose exec sqlserver /opt/orders/backup.sh
#   docker compose cp sqlserver:/var/opt/mssql/orders.bak .
set -euo pipefail

# Separate batches, so that none runs after a failed one.
SQLCMDPASSWORD=$MSSQL_SA_PASSWORD "${SQLCMD:-/opt/mssql-tools18/bin/sqlcmd}" -S localhost -U sa -C -b << 'SQL'
BACKUP DATABASE orders TO DISK = N'/var/opt/mssql/orders.bak' WITH INIT, CHECKSUM;
GO
RESTORE VERIFYONLY FROM DISK = N'/var/opt/mssql/orders.bak' WITH CHECKSUM;
GO
SQL
