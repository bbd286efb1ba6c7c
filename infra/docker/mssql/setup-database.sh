#!/bin/bash
# Creates the functions' database and login, with only the rights that their statements need. Runs at every startup in
# order to update the login's password. Needs MSSQL_SA_PASSWORD and ORDERS_SQL_PASSWORD.
set -euo pipefail

# The statements below contain the password in quotes.
case $ORDERS_SQL_PASSWORD in
  *[!A-Za-z0-9_-]*)
    echo 'ORDERS_SQL_PASSWORD may contain only letters, digits, "_" and "-". The database orders was not created.' >&2
    exit 1
    ;;
esac

as_administrator() {
  SQLCMDPASSWORD=$MSSQL_SA_PASSWORD "${SQLCMD:-/opt/mssql-tools18/bin/sqlcmd}" -S localhost -U sa -C -b -l 5 "$@"
}
until as_administrator -Q 'SELECT 1' > /dev/null 2>&1; do sleep 1; done

# Passes the password through standard input, because process lists show arguments.
as_administrator << SQL
IF DB_ID('orders') IS NULL CREATE DATABASE orders;
GO
-- Readers must not wait for writers, nor writers for readers.
IF (SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = 'orders') = 0
  ALTER DATABASE orders SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
IF SUSER_ID('orders') IS NULL
  CREATE LOGIN orders WITH PASSWORD = '$ORDERS_SQL_PASSWORD', DEFAULT_DATABASE = orders;
ELSE
  ALTER LOGIN orders WITH PASSWORD = '$ORDERS_SQL_PASSWORD';
GO
USE orders;
IF USER_ID('orders') IS NULL CREATE USER orders FOR LOGIN orders;
-- The user may read and write data and create its own tables. Earlier versions made the user an owner of the database.
ALTER ROLE db_datareader ADD MEMBER orders;
ALTER ROLE db_datawriter ADD MEMBER orders;
ALTER ROLE db_ddladmin ADD MEMBER orders;
IF IS_ROLEMEMBER('db_owner', 'orders') = 1 ALTER ROLE db_owner DROP MEMBER orders;
GO
SQL
echo 'The database orders is ready.'
