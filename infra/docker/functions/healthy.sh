#!/bin/sh
# The container's health check. Alive, not ready: that the store is away is no reason to restart, and orders are accepted
# without it. Asked by Node, for no other client is sure to be in the image.
#
# Docker restarts no container because it is unhealthy, and a runtime whose worker failed serves no function and stays. So
# one that has not answered for HEALTH_LIMIT_S seconds is asked to end, and killed 30 seconds later; then the container
# ends with 1, and its restart policy starts it again. In Kubernetes the probes do the same.
set -eu

if node -e "fetch(process.argv[1]).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))" "$HEALTH_URL"; then
  rm -f "$HEALTH_STATE/silent-since"
  exit 0
fi

now=$(date +%s)
[ -s "$HEALTH_STATE/silent-since" ] || echo "$now" > "$HEALTH_STATE/silent-since"
silent=$((now - $(cat "$HEALTH_STATE/silent-since")))
if [ "$silent" -ge "$HEALTH_LIMIT_S" ]; then
  signal=INT
  [ "$silent" -lt "$((HEALTH_LIMIT_S + 30))" ] || signal=KILL
  echo "The functions have not answered for $silent s, so the container ends, to be started again." > "$HEALTH_STATE/ended"
  kill -s "$signal" "$(cat "$HEALTH_STATE/host")"
fi
exit 1
