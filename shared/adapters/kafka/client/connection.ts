import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { Kafka, logLevel, type ISocketFactory, type KafkaConfig, type SASLOptions } from 'kafkajs'
import { OrderError } from '../../../domain/errors.ts'
import { useOwnFormats, type ChangeFetch } from './own-formats.ts'
import { stopIdleTimers } from './idle-timers.ts'

/** The brokers' addresses and our credentials: the `KAFKA_*` settings. */
export interface KafkaConnection {
  readonly brokers: readonly string[]
  readonly securityProtocol: 'plaintext' | 'ssl' | 'sasl_plaintext' | 'sasl_ssl'
  /** PLAIN by default, which Azure Event Hubs uses. */
  readonly saslMechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  /** PEM text, or the path of a PEM file. The system's certificate authorities by default. */
  readonly sslCa: string | undefined
}

/** The limit for one request. A broker that takes longer counts as unavailable. */
export const REQUEST_TIMEOUT_MS = 5000
const CONNECTION_TIMEOUT_MS = 3000
/** As long as in kafkajs's own sockets. */
const KEEP_ALIVE_AFTER_MS = 60_000

/**
 * A client with its own connections, which encodes and decodes records with our own code. kafkajs keeps a group's
 * offsets in the client, so two consumers of one group must not share a client (`committedOffsetsByGroup` in
 * tulios/kafkajs). `changeFetch` is applied to each broker's `fetch`.
 *
 * Throws `invalid-setting` if the certificate authority can't be read.
 */
export function createClient(connection: KafkaConnection, changeFetch?: ChangeFetch): Kafka {
  stopIdleTimers()
  const client = new Kafka({
    clientId: 'order-event-processing',
    brokers: [...connection.brokers],
    ...encryption(connection),
    ...authentication(connection),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 3 },
    // Each failure reaches a caller or `onError`. kafkajs would also log, at error level, failures that it retries,
    // such as a coordinator that is not elected yet (tulios/kafkajs#1494).
    logLevel: logLevel.NOTHING,
  })
  useOwnFormats(client, changeFetch)
  return client
}

/** kafkajs's own sockets load Node's TLS even if they do not use it, which makes the start 10 ms longer. */
const withoutTls: ISocketFactory = ({ host, port, onConnect }) =>
  connect({ host, port }, onConnect).setKeepAlive(true, KEEP_ALIVE_AFTER_MS)

function encryption({ securityProtocol, sslCa }: KafkaConnection): Pick<KafkaConfig, 'ssl' | 'socketFactory'> {
  if (!securityProtocol.endsWith('ssl')) return { socketFactory: withoutTls }
  return { ssl: sslCa === undefined ? true : { ca: [certificate(sslCa)] } }
}

function authentication(connection: KafkaConnection): Pick<KafkaConfig, 'sasl'> {
  const { securityProtocol, saslMechanism = 'plain', username, password } = connection
  if (!securityProtocol.startsWith('sasl')) return {}
  if (username === undefined || password === undefined) {
    throw new OrderError('invalid-setting', 'KAFKA_USERNAME and KAFKA_PASSWORD must be set if SASL is used.')
  }
  return { sasl: { mechanism: saslMechanism, username, password } as SASLOptions }
}

function certificate(pemOrPath: string): string {
  // In environment variables, the line breaks of a PEM text are often written as \n.
  if (pemOrPath.includes('-----BEGIN')) return pemOrPath.replaceAll(String.raw`\n`, '\n')
  try {
    return readFileSync(pemOrPath, 'utf8')
  } catch (error) {
    throw new OrderError('invalid-setting', 'KAFKA_SSL_CA is neither a certificate nor a file that can be read.', {
      cause: error,
    })
  }
}
