#!/bin/bash
# Does the same as the image's own start script: writes the properties, formats the volume, then replaces this shell
# with the broker.
set -euo pipefail
export CLUSTER_ID=5L6g3nShT-eMCtK--X86sw
java() { /opt/java/bin/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' "$@"; }
result=$(java -Xmx64m kafka.docker.KafkaDockerWrapper setup \
  --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1) \
  || grep -q 'already formatted' <<< "$result" || { echo "$result" >&2; exit 1; }
# shellcheck disable=SC2086 # The variable contains several options.
exec /opt/java/bin/java $KAFKA_HEAP_OPTS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
