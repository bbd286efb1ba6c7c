#!/usr/bin/env bash
# Guess: a topic with one replica and min.insync.replicas=2 accepts no record with acks=all; the broker refuses it with
# NOT_ENOUGH_REPLICAS (19), so that a topic with too few replicas is noticed at once.
# Seen: Kafka 3.6.2 refuses it. Kafka 4.1.2 accepts it, because the effective minimum is at most the number of replicas
# (KIP-966, since 3.7). DescribeConfigs still says 2, so neither a setting nor an error shows that only one disk holds
# the record.
# Source: core/src/main/scala/kafka/cluster/Partition.scala, effectiveMinIsr.
set -euo pipefail
# shellcheck source=findings/lib/kafka.sh
. "$(dirname "$0")/lib/kafka.sh"
work=$(mktemp -d)
trap 'stop_kafka; rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund kafkajs@2.2.4
cat > look.cjs << 'JS'
const { Kafka, ConfigResourceTypes, logLevel } = require('kafkajs')
const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })

async function main() {
  const admin = kafka.admin()
  const producer = kafka.producer({ retry: { retries: 0 } })
  await admin.connect()
  await producer.connect()
  const configEntries = [{ name: 'min.insync.replicas', value: '2' }]
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1, replicationFactor: 1, configEntries }] })
  const asked = { type: ConfigResourceTypes.TOPIC, name: 'orders', configNames: ['min.insync.replicas'] }
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [asked] })
  console.log(`min.insync.replicas: ${resources[0].configEntries[0].configValue}`)
  const sent = producer.send({ topic: 'orders', acks: -1, messages: [{ value: 'an order' }] })
  console.log(await sent.then(() => 'taken', ({ cause }) => `refused: ${cause.type}`))
  await producer.disconnect()
  await admin.disconnect()
}
main().catch((error) => {
  console.error(error)
  process.exit(1)
})
JS
for version in 3.6.2 4.1.2; do
  start_kafka "$version"
  echo "Kafka $version"
  node look.cjs "$broker"
  stop_kafka
done | tee seen
diff - seen << 'SEEN'
Kafka 3.6.2
min.insync.replicas: 2
refused: NOT_ENOUGH_REPLICAS
Kafka 4.1.2
min.insync.replicas: 2
taken
SEEN
