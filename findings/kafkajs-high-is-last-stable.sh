#!/usr/bin/env bash
# Guess: `high` of kafkajs's admin.fetchTopicOffsets is the high watermark, the offset of the next record, so that `high`
# minus the committed offset is the number of records that a consumer has not read.
# Seen with kafkajs 2.2.4 on Kafka 4.1.2: `high` is the last stable offset. While a transaction is open, it excludes
# everything written since it began, even plain acknowledged records from other producers, and a lag computed from it is
# 0. librdkafka's watermark includes them. Source: src/broker/index.js, listOffsets (isolationLevel).
set -euo pipefail
# shellcheck source=findings/lib/kafka.sh
. "$(dirname "$0")/lib/kafka.sh"
work=$(mktemp -d)
trap 'stop_kafka; rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund kafkajs@2.2.4
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check confluent-kafka==2.12.2
start_kafka 4.1.2
cat > look.cjs << 'JS'
const { execFileSync } = require('node:child_process')
const { Kafka, logLevel } = require('kafkajs')
const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })

async function main() {
  const admin = kafka.admin()
  const producer = kafka.producer()
  const transactional = kafka.producer({ transactionalId: 'open', idempotent: true, maxInFlightRequests: 1 })
  for (const one of [admin, producer, transactional]) await one.connect()
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1 }] })
  await producer.send({ topic: 'orders', messages: [{ value: 'before' }] })
  const open = await transactional.transaction()
  await open.send({ topic: 'orders', messages: [{ value: 'open' }] })
  await producer.send({ topic: 'orders', messages: Array(5).fill({ value: 'acknowledged' }) })
  const [{ high }] = await admin.fetchTopicOffsets('orders')
  const latest = execFileSync('venv/bin/python', ['-c', `
from confluent_kafka import Consumer, TopicPartition
consumer = Consumer({'bootstrap.servers': '${process.argv[2]}', 'group.id': 'asks', 'isolation.level': 'read_uncommitted'})
print(consumer.get_watermark_offsets(TopicPartition('orders', 0), timeout=10)[1])
`])
  console.log(`high by kafkajs: ${high}\nhigh by librdkafka: ${String(latest).trim()}`)
  await open.abort()
  for (const one of [admin, producer, transactional]) await one.disconnect()
}
main().catch((error) => {
  console.error(error)
  process.exit(1)
})
JS
node look.cjs "$broker" | tee seen
diff - seen << 'SEEN'
high by kafkajs: 1
high by librdkafka: 7
SEEN
