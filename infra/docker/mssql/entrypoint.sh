#!/bin/bash
# Creates the database in the background. `exec` lets the server receive stop signals.
set -euo pipefail
/opt/orders/setup-database.sh &
exec /opt/mssql/bin/sqlservr "$@"
