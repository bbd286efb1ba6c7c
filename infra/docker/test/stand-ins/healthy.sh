#!/bin/bash
# Checks liveness from the shell, because starting Node every two seconds in every container would itself be a heavy
# load.
set -euo pipefail
exec 3<> /dev/tcp/127.0.0.1/8080
printf 'GET /api/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
