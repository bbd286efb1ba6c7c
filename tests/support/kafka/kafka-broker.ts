import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker, type Broker, type BrokerOptions } from '../../../infra/kafka/broker.ts'
import { missingForKafka } from '../../../infra/kafka/distribution.ts'
import type { KafkaConnection } from '../../../shared/adapters/kafka/client/connection.ts'
import { createKafkaLog, type KafkaLog, type KafkaLogOptions } from '../../../shared/adapters/kafka/kafka-log.ts'
import { freePort } from '../free-port.ts'

/** A test's own broker, on a free port and in a temporary directory. */
export interface TestBroker extends AsyncDisposable {
  readonly port: number
  readonly address: string
  /** Sends SIGKILL. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** Starts the broker again on the same port, with the same directory. */
  start(): Promise<void>
}

const missing = missingForKafka()
if (missing !== undefined && process.env['CI'] !== 'true') {
  process.stderr.write(`Tests against a real Kafka broker are skipped. ${missing}\n`)
}

/** For `describe.skipIf`: true if this machine cannot run a broker. CI runs the tests regardless. */
export const skipsKafka = missing !== undefined && process.env['CI'] !== 'true'

type TestBrokerOptions = Partial<Pick<BrokerOptions, 'properties' | 'format' | 'protocol'>>

export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const [broker] = await startTestCluster(1, options)
  if (broker === undefined) throw new Error('No broker was started.')
  return broker
}

/** Brokers of one cluster; each is disposed of separately. */
export async function startTestCluster(nodes: number, options: TestBrokerOptions = {}): Promise<TestBroker[]> {
  const ports = await Promise.all(Array.from({ length: nodes * 2 }, freePort))
  const voters = Array.from({ length: nodes }, (_, index) => `${index + 1}@localhost:${ports[nodes + index]}`)
  const starting = Array.from({ length: nodes }, async (_, index) => {
    const directory = mkdtempSync(join(tmpdir(), 'kafka-'))
    const [port = 0, controllerPort = 0] = [ports[index], ports[nodes + index]]
    return keepBroker({ ...options, directory, port, controllerPort, nodeId: index + 1, voters })
  })
  return Promise.all(starting)
}

async function keepBroker(options: BrokerOptions): Promise<TestBroker> {
  const { directory, port } = options
  let broker: Broker = await startBroker(options)
  // A test that times out never disposes of anything.
  const killAtExit = () => process.kill(broker.pid, 'SIGKILL')
  const atExit = () => void (isRunning(broker.pid) && killAtExit())
  process.once('exit', atExit)
  return {
    port,
    address: `localhost:${port}`,
    kill: () => broker.kill(),
    stop: () => broker.stop(),
    async start() {
      broker = await startBroker(options)
    },
    async [Symbol.asyncDispose]() {
      await broker.kill()
      process.off('exit', atExit)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A log on the brokers, and the problems that it reports. */
export function openKafkaLog(
  brokers: readonly string[],
  { kafka, ...options }: Partial<Omit<KafkaLogOptions, 'kafka'>> & { kafka?: Partial<KafkaConnection> } = {},
): { log: KafkaLog; warnings: string[]; errors: unknown[] } {
  const warnings: string[] = []
  const errors: unknown[] = []
  const log = createKafkaLog({
    kafka: {
      brokers,
      securityProtocol: 'plaintext',
      saslMechanism: undefined,
      username: undefined,
      password: undefined,
      sslCa: undefined,
      ...kafka,
    },
    onWarning: (message) => warnings.push(message),
    onError: (error) => errors.push(error),
    ...options,
  })
  return { log, warnings, errors }
}
