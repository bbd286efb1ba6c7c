import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createKafkaLog } from '../../shared/adapters/kafka/kafka-log.ts'
import { readConfig } from '../../shared/settings/config.ts'
import { messageOf } from '../../shared/domain/errors.ts'
import { createTopics, topicSpecs } from '../../shared/messaging/topics.ts'
import { onStopRequest } from '../stop-request.ts'
import { startBroker } from './broker.ts'
import { missingForKafka } from './distribution.ts'

/** `npm run kafka`: runs a real Kafka broker with the product's topics on this machine until Ctrl-C. */
const USAGE = `npm run kafka [-- --port 9092] [-- --fresh]

A Kafka broker on this machine, for development. Needs Java 17; the first start downloads Kafka from Maven Central.
  --port    the port it listens on (9092); its controller takes the next one
  --fresh   starts with an empty log`

const DIRECTORY = fileURLToPath(new URL('../../.data/kafka/', import.meta.url))

const say = (line: string): void => void process.stdout.write(`${line}\n`)

try {
  await main()
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9092' },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return say(USAGE)
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_534) throw new Error('--port must be a number from 1 to 65534.')
  const missing = missingForKafka()
  if (missing !== undefined) throw new Error(missing)
  if (values.fresh) rmSync(DIRECTORY, { recursive: true, force: true })

  const interrupted = Promise.withResolvers<void>()
  let isStopping = false
  onStopRequest(() => {
    if (isStopping) process.exit(1)
    isStopping = true
    interrupted.resolve()
  })
  say('Starting Kafka …')
  const broker = await startBroker({ directory: DIRECTORY, port, controllerPort: port + 1 })
  try {
    const topics = await makeTopics(`localhost:${port}`)
    say(`Kafka listens on localhost:${port}, with the topics ${topics.join(', ')}. Ctrl-C stops it.`)
    say(`\n  KAFKA_BROKERS=localhost:${port} npm start\n`)
    await Promise.race([
      interrupted.promise,
      broker.ended.then(() => Promise.reject(new Error('The broker ended unexpectedly.'))),
    ])
  } finally {
    await broker.stop()
  }
}

async function makeTopics(address: string): Promise<readonly string[]> {
  const config = readConfig(
    { ...process.env, KAFKA_BROKERS: address, KAFKA_SECURITY_PROTOCOL: 'plaintext' },
    'embedded',
  )
  if (config.kafka === undefined) return []
  const log = createKafkaLog({
    kafka: config.kafka,
    // The warnings would only report that a single broker keeps only one copy.
    onWarning: () => undefined,
    onError: (error) => process.stderr.write(`${messageOf(error)}\n`),
  })
  const topics = createTopics(config.topic, config.consumerGroup, config.retryDelaysMs)
  const specs = topicSpecs(topics, config.partitions, 1, config.logRetentionMs)
  try {
    await log.ensureTopics(specs)
  } finally {
    await log[Symbol.asyncDispose]()
  }
  return specs.map(({ name }) => name)
}
