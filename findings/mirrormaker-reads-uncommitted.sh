#!/usr/bin/env bash
# Guess: `consumer.isolation.level = read_committed` in MirrorMaker 2's properties keeps aborted records out of the
# mirror, because properties without a cluster's name apply to all clusters (its README shows `replication.factor` and
# others without one), and because a Connect worker applies `consumer.` to all of its consumers.
# Seen with MirrorMaker 4.1.2: the line is silently ignored, and the mirror contains the aborted records as ordinary
# ones. The setting works with the source cluster's name as a prefix: `old.consumer.isolation.level`.
# Source: MirrorMakerConfig.java, connectorBaseConfig and MirrorConnectorConfig.java, sourceConsumerConfig.
set -euo pipefail
# shellcheck source=findings/lib/kafka.sh
. "$(dirname "$0")/lib/kafka.sh"
work=$(mktemp -d)
mirror=
trap 'kill $mirror 2> /dev/null || :; stop_kafka; rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund kafkajs@2.2.4
start_kafka 4.1.2 connect-mirror connect-runtime
cat > look.cjs << 'JS'
const { Kafka, logLevel } = require('kafkajs')
const [, , broker, act, topic] = process.argv
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })

async function write() {
  const admin = kafka.admin()
  const plain = kafka.producer()
  const transactional = kafka.producer({ transactionalId: 'aborts', idempotent: true, maxInFlightRequests: 1 })
  for (const one of [admin, plain, transactional]) await one.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  const transaction = await transactional.transaction()
  await transaction.send({ topic, messages: [{ value: 'aborted' }] })
  await transaction.abort()
  await plain.send({ topic, messages: [{ value: 'plain' }] })
  for (const one of [admin, plain, transactional]) await one.disconnect()
}

/** The mirror's records up to the plain record, which is the last one. */
async function read() {
  const admin = kafka.admin()
  await admin.connect()
  while (!(await admin.listTopics()).includes(topic)) await new Promise((resolve) => setTimeout(resolve, 500))
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: `reads-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const seen = []
  await new Promise((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        seen.push(String(message.value))
        if (seen.at(-1) === 'plain') resolve()
      },
    })
  })
  await consumer.disconnect()
  console.log(seen.join(', '))
}
;({ write, read })[act]().catch((error) => {
  console.error(error)
  process.exit(1)
})
JS
# mirror_with SOURCE LINE: prints the records that arrive from the cluster SOURCE when the properties include LINE.
mirror_with() {
  local source=$1
  cat > "$source.properties" << PROPERTIES
clusters = $source, new
$source.bootstrap.servers = $broker
new.bootstrap.servers = $broker
$source->new.enabled = true
$source->new.topics = orders
new->$source.enabled = false
replication.factor = 1
checkpoints.topic.replication.factor = 1
heartbeats.topic.replication.factor = 1
offset-syncs.topic.replication.factor = 1
offset.storage.replication.factor = 1
status.storage.replication.factor = 1
config.storage.replication.factor = 1
$2
PROPERTIES
  java "${jvm[@]}" -cp 'kafka-4.1.2/jars/*' org.apache.kafka.connect.mirror.MirrorMaker "$source.properties" > "$source.txt" 2>&1 &
  mirror=$!
  echo "$2: $(timeout 180 node look.cjs "$broker" read "$source.orders")"
  kill -9 "$mirror"
  wait "$mirror" 2> /dev/null || :
}
node look.cjs "$broker" write orders
{
  mirror_with first 'consumer.isolation.level = read_committed'
  mirror_with second 'second.consumer.isolation.level = read_committed'
} | tee seen
diff - seen << 'SEEN'
consumer.isolation.level = read_committed: aborted, plain
second.consumer.isolation.level = read_committed: plain
SEEN
