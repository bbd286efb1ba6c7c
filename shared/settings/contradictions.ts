import type { Config } from './config.ts'

/** Settings that are each right and do not go together, or have no effect: a sentence each. Nothing fails because of them, but somebody erred. */
export function contradictionsIn(config: Config): string[] {
  const { kafka, replication, retryDelaysMs, faults, runtime, orderIdSecrets } = config
  const isSasl = kafka?.securityProtocol.startsWith('sasl') ?? false
  const isSsl = kafka?.securityProtocol.endsWith('ssl') ?? false
  const rules: readonly (readonly [boolean, string])[] = [
    [kafka === undefined && replication > 1, 'KAFKA_REPLICATION is set, but the log is the embedded one.'],
    [kafka !== undefined && !isSasl && kafka.username !== undefined, 'KAFKA_USERNAME is set, but not SASL.'],
    [
      kafka !== undefined && !isSsl && kafka.sslCa !== undefined,
      'KAFKA_SSL_CA is set, but connections are plain text.',
    ],
    [isSasl && !isSsl, 'KAFKA_PASSWORD travels in the clear: KAFKA_SECURITY_PROTOCOL should be sasl_ssl.'],
    [
      retryDelaysMs.some((delay, index) => delay < (retryDelaysMs[index - 1] ?? 0)),
      'RETRY_DELAYS should not become shorter from one to the next.',
    ],
    [faults && runtime === 'functions', 'FAULTS is for the embedded host alone.'],
    [
      orderIdSecrets !== undefined && new Set(orderIdSecrets).size < orderIdSecrets.length,
      'ORDER_ID_SECRET lists a secret twice.',
    ],
  ]
  const found = rules.filter(([applies]) => applies).map(([, sentence]) => sentence)
  return [...found, ...config.withoutEffect]
}
