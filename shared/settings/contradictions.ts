import type { Config } from './config.ts'

/**
 * One sentence for each combination of valid settings that is probably a mistake. None of these combinations prevents
 * startup.
 */
export function contradictionsIn(config: Config): string[] {
  const { kafka, replication, retryDelaysMs, faults, runtime, orderIdSecrets } = config
  const isSasl = kafka?.securityProtocol.startsWith('sasl') ?? false
  const isSsl = kafka?.securityProtocol.endsWith('ssl') ?? false
  const rules: readonly (readonly [boolean, string])[] = [
    [kafka === undefined && replication > 1, 'KAFKA_REPLICATION is set, but the log is the embedded one.'],
    [
      kafka !== undefined && !isSasl && kafka.username !== undefined,
      'KAFKA_USERNAME is set, but KAFKA_SECURITY_PROTOCOL does not use SASL.',
    ],
    [
      kafka !== undefined && !isSsl && kafka.sslCa !== undefined,
      'KAFKA_SSL_CA is set, but connections are plain text.',
    ],
    [isSasl && !isSsl, 'KAFKA_PASSWORD travels in the clear: KAFKA_SECURITY_PROTOCOL should be sasl_ssl.'],
    [
      retryDelaysMs.some((delay, index) => delay < (retryDelaysMs[index - 1] ?? 0)),
      'Each delay in RETRY_DELAYS should be at least as long as the previous one.',
    ],
    [faults && runtime === 'functions', 'FAULTS works only in the embedded host.'],
    [
      orderIdSecrets !== undefined && new Set(orderIdSecrets).size < orderIdSecrets.length,
      'ORDER_ID_SECRET lists a secret twice.',
    ],
  ]
  const found = rules.filter(([applies]) => applies).map(([, sentence]) => sentence)
  return [...found, ...config.withoutEffect]
}
