/**
 * Compares KEDA's metric for the processor with the lag that the product itself reports:
 * `node tests/keda/check.ts <program>`, where the program is the compiled main.go. Prints one line for each check;
 * exits non-zero if one fails.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../../shared/adapters/kafka/client/connection.ts'
import { nextOffset } from '../../shared/ports/event-log.ts'
import { openKafkaLog, startTestBroker } from '../support/kafka/kafka-broker.ts'
import { record } from '../support/kafka/kafka-traffic.ts'
import { SCRAM_USER, startSecureBroker } from '../support/kafka/secure-broker.ts'

const BASE = join(import.meta.dirname, '..', '..', 'infra', 'kubernetes', 'base')
const [TOPIC, GROUP, PARTITIONS] = ['orders', 'order-processor', 12]
/** The time that main.go needs for two polls, after which it knows which offsets have not moved. */
const TWO_POLLS_MS = 5000
const [program = ''] = process.argv.slice(2)
let failed = 0

async function check(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
    console.log(`ok: ${name}`)
  } catch (error) {
    failed += 1
    console.log(`failed: ${name}\n${String(error)}`)
  }
}

interface Answer {
  readonly lag?: number
  readonly instances?: number
  readonly error?: string
}

/** Starts KEDA with these entries in its secret. Disposing of the result stops KEDA. */
function startKeda(brokers: string, secret: Record<string, string>) {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], KAFKA_BROKERS: brokers, ...secret }
  const keda = spawn(program, [BASE], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: keda.stdout })[Symbol.asyncIterator]()
  return {
    /** The current value of the metric that the autoscaler reads. */
    async ask(): Promise<Answer> {
      keda.stdin.write('\n')
      const { value, done } = await lines.next()
      if (done === true) throw new Error('KEDA ended.')
      return JSON.parse(value) as Answer
    },
    [Symbol.dispose]: () => void keda.kill('SIGKILL'),
  }
}

/** The orders topic on a broker, and a group without members, whose offsets the test sets. */
async function openTopic(address: string, kafka: Parameters<typeof openKafkaLog>[1] = {}) {
  const { log } = openKafkaLog([address], kafka)
  await log.ensureTopics([{ name: TOPIC, partitions: PARTITIONS, replication: 1, config: {} }])
  return {
    publish: (count: number) =>
      log.publish(
        TOPIC,
        Array.from({ length: count }, (_, index) => record(String(index))),
      ),
    offsets: () => log.offsets(TOPIC),
    /** The lag as the product's status reports it. */
    async lag(): Promise<number> {
      const [committed, offsets] = await Promise.all([log.committed(GROUP, TOPIC), log.offsets(TOPIC)])
      return offsets.reduce(
        (total, { partition, first, end }) => total + end - nextOffset(committed, { partition, first }),
        0,
      )
    },
    /** Moves the group's committed offset in each partition to the partition's first offset plus `into`. */
    async move(partitions: readonly number[], into: number): Promise<void> {
      const offsets = await log.offsets(TOPIC)
      for (const partition of partitions) {
        await log.moveGroup(GROUP, TOPIC, partition, (offsets[partition]?.first ?? 0) + into)
      }
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

async function checkSecureBroker(): Promise<void> {
  await using secure = await startSecureBroker({ username: 'plain', password: 'plain' })
  const { address } = secure.broker
  const sslCa = readFileSync(secure.ca, 'utf8')
  const kafka = { securityProtocol: 'sasl_ssl', saslMechanism: 'scram-sha-512', ...SCRAM_USER, sslCa } as const
  await using topic = await openTopic(address, { kafka })
  const user = { KAFKA_USERNAME: SCRAM_USER.username, KAFKA_PASSWORD: SCRAM_USER.password }
  const secret = { KEDA_SASL: 'scram_sha512', KEDA_TLS: 'enable', KEDA_CA: sslCa, ...user }
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  await topic.publish(9000)

  await check('a private authority has to be named', async () => {
    const { KEDA_CA: _, ...without } = secret
    using keda = startKeda(address, without)
    match((await keda.ask()).error ?? '', /certificate signed by unknown authority/)
  })

  await check('the certificate of a private authority must have real line breaks', async () => {
    using keda = startKeda(address, { ...secret, KEDA_CA: sslCa.replaceAll('\n', String.raw`\n`) })
    match((await keda.ask()).error ?? '', /error appending CA certs/)
  })

  using keda = startKeda(address, secret)
  await check('records that a group has never committed count at every poll, as the product counts them', async () => {
    deepEqual([await topic.lag(), await keda.ask()], [9000, { lag: 9000, instances: 5 }])
    await sleep(TWO_POLLS_MS)
    deepEqual(await keda.ask(), { lag: 9000, instances: 5 })
  })

  await check('records that retention removed do not count', async () => {
    const admin = createClient({ brokers: [address], ...kafka }).admin()
    await admin.connect()
    await admin.fetchTopicOffsets(TOPIC) // Otherwise the client does not know the leader.
    await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition: 0, offset: '100' }] })
    await admin.disconnect()
    await sleep(TWO_POLLS_MS)
    deepEqual([await topic.lag(), await keda.ask()], [8900, { lag: 8900, instances: 5 }])
  })

  await check('no more instances are requested than there are partitions', async () => {
    await topic.publish(30_000)
    await sleep(TWO_POLLS_MS)
    deepEqual([await topic.lag(), await keda.ask()], [38_900, { lag: 24_000, instances: 12 }])
  })

  await check('a lag that does not move requests no more instances', async () => {
    await topic.move(all, 0)
    await sleep(2 * TWO_POLLS_MS)
    deepEqual([await topic.lag(), await keda.ask()], [38_900, { lag: 0, instances: 2 }])
  })

  await check('a lag that moves is in every answer, however soon after the poll', async () => {
    const answers: Answer[] = []
    for (let into = 1; into <= 8; into++) {
      await topic.move(all, into)
      await sleep(1000)
      // KEDA's first polls may still find that the offsets have not moved, so the metric is not read before the fifth
      // move.
      const questions = into > 4 ? 5 : 0
      for (let again = 0; again < questions; again++) answers.push(await keda.ask())
    }
    equal(answers.length, 20)
    ok(
      answers.every(({ lag = 0 }) => lag > 0),
      JSON.stringify(answers),
    )
  })

  await check('partitions that do not move do not count next to one that moves', async () => {
    const { first = 0, end = 0 } = (await topic.offsets())[0] ?? {}
    for (let into = 9; into <= 16; into++) {
      await topic.move([0], into)
      await sleep(1000)
    }
    const { lag = 0 } = await keda.ask()
    ok(lag >= end - first - 16 && lag <= end - first - 9, `${lag} of ${end - first}`)
  })
}

async function checkPlainBroker(): Promise<void> {
  await using broker = await startTestBroker()
  await using topic = await openTopic(broker.address)
  await topic.publish(3000)
  for (const secret of [{}, { KEDA_SASL: 'none', KEDA_TLS: 'disable' }]) {
    await check(`a broker without TLS and password, by ${JSON.stringify(secret)}`, async () => {
      using keda = startKeda(broker.address, secret)
      deepEqual(await keda.ask(), { lag: 3000, instances: 2 })
    })
  }
}

await checkSecureBroker()
await checkPlainBroker()
process.exitCode = failed > 0 ? 1 : 0
