import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaClassPath } from './distribution.ts'

/** A broker on this machine: Apache Kafka in KRaft mode, with broker and controller in one small JVM. */
export interface Broker {
  readonly port: number
  readonly pid: number
  /** Resolves once the process has exited, for any reason. */
  readonly ended: Promise<void>
  stop(): Promise<void>
  /** Sends SIGKILL, so nothing is flushed and the cluster is not notified. */
  kill(): Promise<void>
}

export interface BrokerOptions {
  /** The broker's data directory. An empty directory is formatted first. */
  readonly directory: string
  readonly port: number
  readonly controllerPort: number
  readonly nodeId?: number
  /** `id@host:port` for each node of the cluster. If absent, there is only this node. */
  readonly voters?: readonly string[]
  /** The protocol for clients; SASL_SSL needs keys and users in `properties`. */
  readonly protocol?: 'PLAINTEXT' | 'SASL_SSL'
  /** Overrides for server.properties. */
  readonly properties?: Readonly<Record<string, string>>
  /** Arguments for formatting the data directory, such as `--add-scram`. */
  readonly format?: readonly string[]
}

/** All our clusters can have the same id, because they never interact. */
const CLUSTER_ID = 'b3JkZXItZXZlbnQtcHJvYw'
const START_TIMEOUT_MS = 60_000
// With the fast compiler and the serial garbage collector, a broker starts in two seconds.
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-Dlog4j2.level=ERROR']

/** Resolves when the broker accepts connections. Rejects with the broker's output if it exits instead. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { directory, port, format = [] } = options
  const classPath = await kafkaClassPath()
  mkdirSync(directory, { recursive: true })
  const settings = join(directory, 'server.properties')
  writeFileSync(settings, serverProperties(options))
  if (!existsSync(join(directory, 'data', 'meta.properties'))) {
    const tool = ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', settings, ...format]
    const { status, stderr, stdout } = spawnSync('java', [...JVM, ...tool], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`Formatting Kafka's storage failed:\n${stdout}${stderr}`)
  }

  // The broker gets its own process group, so that Ctrl-C reaches only this process, which stops the broker after the
  // broker's clients.
  const java = spawn('java', [...JVM, '-cp', classPath, 'kafka.Kafka', settings], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  const keep = (text: Buffer) => (said = (said + String(text)).slice(-4000))
  java.stdout.on('data', keep)
  java.stderr.on('data', keep)
  const ended = new Promise<void>((resolve) => {
    java.once('close', () => resolve())
    java.once('error', (error) => {
      said += error.message
      resolve()
    })
  })

  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await takesConnections(port))) {
    if (hasEnded(java)) throw new Error(`The Kafka broker on port ${port} exited during startup:\n${said.trim()}`)
    if (Date.now() > deadline) {
      java.kill('SIGKILL')
      throw new Error(`The Kafka broker on port ${port} did not start within ${START_TIMEOUT_MS / 1000} s.`)
    }
    await sleep(50)
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!hasEnded(java)) java.kill(signal)
    await ended
  }
  return { port, pid: java.pid ?? 0, ended, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null
}

function serverProperties(options: BrokerOptions): string {
  const { directory, port, controllerPort, nodeId = 1, protocol = 'PLAINTEXT' } = options
  const { voters = [`${nodeId}@localhost:${controllerPort}`] } = options
  const copies = String(Math.min(3, voters.length))
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(nodeId),
    'controller.quorum.voters': voters.join(','),
    listeners: `${protocol}://localhost:${port},CONTROLLER://localhost:${controllerPort}`,
    'advertised.listeners': `${protocol}://localhost:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': protocol,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL',
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': 'false',
    // Waiting for more group members would only delay the first start.
    'group.initial.rebalance.delay.ms': '0',
    // A killed broker can rejoin with the same id only after its last session has expired.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '1000',
    'offsets.topic.num.partitions': '10',
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': '1',
    'log.cleaner.dedupe.buffer.size': String(16 * 1024 * 1024),
    ...options.properties,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, 'localhost')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
