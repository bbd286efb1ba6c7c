#!/usr/bin/env bash
# Guess: like every other client, a kafkajs consumer, which by default reads only committed records, never delivers a
# record of an aborted transaction.
# Seen with kafkajs 2.2.4 on Kafka 4.1.2: it delivers them in two cases.
# - Two transactions overlap, and the later one ends first. The broker sorts aborted transactions by when they end.
#   kafkajs waits until the first transaction in the list begins before it considers the next, and until then it
#   delivers the records of the transaction that began earlier.
# - A record of the transaction has the key 0 as Java's IntegerSerializer writes it: four zero bytes. kafkajs takes this
#   record for the end marker and delivers it, and then all later records of the transaction too.
# Source: src/consumer/filterAbortedMessages.js.
set -euo pipefail
# shellcheck source=findings/lib/kafka.sh
. "$(dirname "$0")/lib/kafka.sh"
work=$(mktemp -d)
trap 'stop_kafka; rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund kafkajs@2.2.4
start_kafka 4.1.2
cat > look.cjs << 'JS'
const { Kafka, logLevel } = require('kafkajs')
const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })
const producer = kafka.producer()
const transactional = (transactionalId) => kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
const send = (by, topic, value, key = null) => by.send({ topic, messages: [{ key, value }] })

/** Aborts, and waits until the abort marker is in the log, where it has its own offset. */
async function abort(transaction, topic) {
  let [{ baseOffset: last }] = await send(producer, topic, 'plain')
  await transaction.abort()
  for (;;) {
    const [{ baseOffset }] = await send(producer, topic, 'plain')
    if (Number(baseOffset) > Number(last) + 1) return
    last = baseOffset
  }
}

async function read(topic) {
  const consumer = kafka.consumer({ groupId: `reader-of-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const seen = []
  await new Promise((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        if (String(message.value) === 'end') resolve()
        else if (String(message.value) !== 'plain') seen.push(String(message.value))
      },
    })
  })
  await consumer.disconnect()
  console.log(`${topic}: ${seen.join(', ') || 'nothing'}`)
}

async function main() {
  const first = transactional('first')
  const second = transactional('second')
  const admin = kafka.admin()
  const all = [producer, first, second, admin]
  for (const one of all) await one.connect()
  await admin.createTopics({ topics: ['alone', 'overlapping', 'key-0'].map((topic) => ({ topic, numPartitions: 1 })) })

  const alone = await first.transaction()
  await send(alone, 'alone', 'aborted')
  await abort(alone, 'alone')
  await send(producer, 'alone', 'end')

  const earlier = await first.transaction()
  await send(earlier, 'overlapping', 'aborted, of the earlier')
  const later = await second.transaction()
  await send(later, 'overlapping', 'aborted, of the later')
  await abort(later, 'overlapping')
  await abort(earlier, 'overlapping')
  await send(producer, 'overlapping', 'end')

  const keyed = await first.transaction()
  await send(keyed, 'key-0', 'aborted, before')
  await send(keyed, 'key-0', 'aborted, with the key 0', Buffer.alloc(4))
  await send(keyed, 'key-0', 'aborted, after')
  await abort(keyed, 'key-0')
  await send(producer, 'key-0', 'end')

  for (const topic of ['alone', 'overlapping', 'key-0']) await read(topic)
  for (const one of all) await one.disconnect()
}
main().catch((error) => {
  console.error(error)
  process.exit(1)
})
JS
node look.cjs "$broker" | tee seen
diff - seen << 'SEEN'
alone: nothing
overlapping: aborted, of the earlier
key-0: aborted, with the key 0, aborted, after
SEEN
