#!/bin/bash
# Healthy means that the functions can log in and find their database. The limits end the check if the server hangs,
# because Docker may leave its process running.
export SQLCMDPASSWORD=$ORDERS_SQL_PASSWORD
exec "${SQLCMD:-/opt/mssql-tools18/bin/sqlcmd}" -S localhost -U orders -d orders -C -b -l 3 -t 3 -o /dev/null -Q 'SELECT 1'
