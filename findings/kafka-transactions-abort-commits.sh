#!/usr/bin/env bash
# Guess: `kafka-transactions.sh abort` ends a transaction as its producer would. The producer's later calls are refused,
# so it learns that its records are gone.
# Seen with Kafka 4.1.2: the tool writes the marker only to the given partition and does not inform the coordinator. The
# producer continues sending, and its commit succeeds. Its records before the tool's marker are aborted for every
# reader, and those after it are committed: half a transaction. So use it only when the coordinator has forgotten the
# transaction (KIP-664).
set -euo pipefail
# shellcheck source=findings/lib/kafka.sh
. "$(dirname "$0")/lib/kafka.sh"
work=$(mktemp -d)
trap 'stop_kafka; rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund kafkajs@2.2.4
start_kafka 4.1.2 kafka-tools
cat > abort.sh << 'SH'
java -Dlog4j2.level=OFF -cp 'kafka-4.1.2/jars/*' org.apache.kafka.tools.TransactionsCommand --bootstrap-server "$1" \
  abort --topic orders --partition 0 --start-offset "$2"
SH
cat > look.cjs << 'JS'
const { execFileSync } = require('node:child_process')
const { Kafka, logLevel } = require('kafkajs')
const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })

async function main() {
  const admin = kafka.admin()
  const transactional = kafka.producer({ transactionalId: 'open', idempotent: true, maxInFlightRequests: 1 })
  const consumer = kafka.consumer({ groupId: 'reader' })
  const all = [admin, transactional, consumer]
  for (const one of all) await one.connect()
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1 }] })

  const open = await transactional.transaction()
  const send = (value) => open.send({ topic: 'orders', messages: [{ value }] })
  const [{ baseOffset }] = await send('before the abort')
  execFileSync('bash', ['abort.sh', process.argv[2], baseOffset])
  console.log(`send: ${await send('after the abort').then(() => 'taken', ({ type }) => type)}`)
  console.log(`commit: ${await open.commit().then(() => 'done', ({ type }) => type)}`)
  const next = await transactional.transaction()
  await next.send({ topic: 'orders', messages: [{ value: 'end' }] })
  await next.commit()

  const seen = []
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await new Promise((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => (String(message.value) === 'end' ? resolve() : seen.push(String(message.value))),
    })
  })
  console.log(`read: ${seen.join(', ') || 'nothing'}`)
  for (const one of all) await one.disconnect()
}
main().catch((error) => {
  console.error(error)
  process.exit(1)
})
JS
node look.cjs "$broker" | tee seen
diff - seen << 'SEEN'
send: taken
commit: done
read: after the abort
SEEN
