#!/bin/sh
# Runs one role. There is no SQL Server to share, so each instance keeps its own store in /state. The role that answers
# queries therefore also consumes the topics, in its own consumer group, to fill its store.
set -eu
unset SQL_CONNECTION_STRING FUNCTIONS_MASTER_KEY
export HOST=0.0.0.0 PORT=8080 DATA_DIR=/state

if [ "${AzureWebJobs_getOrder_Disabled:-}" != true ]; then
  for name in consumeOrders consumeRetry1 consumeRetry2 consumeRetry3 consumeDeadLetters; do
    unset "AzureWebJobs_${name}_Disabled"
  done
  # The group's name is kept next to the store. Both survive a restart of the container; a new container has neither.
  [ -f /state/group ] || echo "read-model-$(hostname)" > /state/group
  ORDERS_CONSUMER_GROUP=$(cat /state/group)
  export ORDERS_CONSUMER_GROUP
fi
exec "$@"
