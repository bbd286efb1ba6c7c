import { readFileSync } from 'node:fs'
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs'
import { OrderError } from '../../../domain/errors.ts'
import { useOwnFormats, type ChangeFetch } from './own-formats.ts'
import { patchNetwork } from './patch-network.ts'

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

/**
 * A client with its own connections, which encodes and decodes records with our own code. kafkajs keeps a group's
 * offsets in the client, so two consumers of one group must not share a client (`committedOffsetsByGroup` in
 * tulios/kafkajs). `changeFetch` is applied to each broker's `fetch`.
 *
 * Throws `invalid-setting` if the certificate authority can't be read.
 */
export function createClient(connection: KafkaConnection, changeFetch?: ChangeFetch): Kafka {
  patchNetwork()
  const client = new Kafka({
    clientId: 'order-event-processing',
    brokers: [...connection.brokers],
    ...security(connection),
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

function security(connection: KafkaConnection): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  const { securityProtocol, saslMechanism = 'plain', username, password, sslCa } = connection
  const encrypted = securityProtocol === 'ssl' || securityProtocol === 'sasl_ssl'
  const ssl = sslCa === undefined ? true : { ca: [certificate(sslCa)] }
  if (!securityProtocol.startsWith('sasl')) return encrypted ? { ssl } : {}
  if (username === undefined || password === undefined) {
    throw new OrderError('invalid-setting', 'KAFKA_USERNAME and KAFKA_PASSWORD must be set if SASL is used.')
  }
  const sasl = { mechanism: saslMechanism, username, password } as SASLOptions
  return encrypted ? { ssl, sasl } : { sasl }
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
