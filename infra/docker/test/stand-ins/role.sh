#!/bin/sh
# One role. There is no SQL Server to share, so each instance keeps a store of its own in /state; the role that reads fills
# it from the log, in a consumer group of its own.
set -eu
unset SQL_CONNECTION_STRING FUNCTIONS_MASTER_KEY
export HOST=0.0.0.0 PORT=8080 DATA_DIR=/state

if [ "${AzureWebJobs_getOrder_Disabled:-}" != true ]; then
  for name in consumeOrders consumeRetry1 consumeRetry2 consumeRetry3 consumeDeadLetters; do
    unset "AzureWebJobs_${name}_Disabled"
  done
  # It stays with the store, which a restart keeps and a new container has not.
  [ -f /state/group ] || echo "read-model-$(hostname)" > /state/group
  ORDERS_CONSUMER_GROUP=$(cat /state/group)
  export ORDERS_CONSUMER_GROUP
fi
exec "$@"
