#!/bin/sh
# The container's health check. It checks liveness, not readiness, because orders are accepted during a store outage.
# It uses Node, because the image may have no other HTTP client. It gives up after 3 seconds, before Docker does after
# 5: Docker would end this script before it takes note of the failure, and might leave its process running.
#
# Docker does not restart unhealthy containers, and a runtime whose worker failed keeps running without functions. So a
# runtime that has not answered for HEALTH_LIMIT_S seconds gets a stop signal, and SIGKILL 30 seconds later. The
# container then exits with 1, and its restart policy starts it again. In Kubernetes the probes do the same.
set -eu

if node -e "fetch(process.argv[1], { signal: AbortSignal.timeout(3000) })
    .then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))" "$HEALTH_URL"; then
  rm -f "$HEALTH_STATE/silent-since"
  exit 0
fi

now=$(date +%s)
[ -s "$HEALTH_STATE/silent-since" ] || echo "$now" > "$HEALTH_STATE/silent-since"
silent=$((now - $(cat "$HEALTH_STATE/silent-since")))
if [ "$silent" -ge "$HEALTH_LIMIT_S" ]; then
  signal=INT
  [ "$silent" -lt "$((HEALTH_LIMIT_S + 30))" ] || signal=KILL
  echo "The functions have not answered for $silent s, so the container exits in order to be restarted." > "$HEALTH_STATE/ended"
  kill -s "$signal" "$(cat "$HEALTH_STATE/host")"
fi
exit 1
