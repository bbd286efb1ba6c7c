#!/bin/bash
# Becomes the server, so that it is told to stop; the database is made as soon as it answers.
set -euo pipefail
/opt/orders/setup-database.sh &
exec /opt/mssql/bin/sqlservr "$@"
