import { z } from 'zod'
import { disabledFunctions } from './disabled-functions.ts'
import { OrderError } from '../domain/errors.ts'
import { DAY_MS } from '../domain/times.ts'
import { settingsWithoutEffect } from './settings-without-effect.ts'
import type { Environment } from './environment.ts'

/**
 * All settings, read once. Only the files in this folder know the names of the product's environment variables. An
 * invalid value throws `invalid-setting` with one line that names the setting and never contains a secret.
 */
export interface Config {
  readonly runtime: 'embedded' | 'functions'
  readonly host: string
  readonly port: number
  readonly dataDir: string
  /** Undefined when the embedded log is used. */
  readonly kafka: KafkaConfig | undefined
  readonly topic: string
  readonly partitions: number
  readonly replication: number
  readonly consumerGroup: string
  readonly retryDelaysMs: readonly number[]
  /** The age at which records are removed from the log; null if they are kept forever. */
  readonly logRetentionMs: number | null
  /** How long settled dead letters, histories and the audit log stay in the store; null means forever. */
  readonly storeRetentionMs: Readonly<Record<'settled' | 'history' | 'audit', number | null>>
  readonly ordersAuth: 'anonymous' | 'function'
  readonly corsOrigins: readonly string[]
  readonly faults: boolean
  readonly opsUrl: string | undefined
  /** Undefined when SQLite is used. */
  readonly sqlConnectionString: string | undefined
  readonly functionsKey: string | undefined
  /** Keys for the embedded host that grant some of the rights of `functionsKey`. */
  readonly keys: Readonly<Record<'metrics' | 'place' | 'read', string | undefined>>
  readonly orderIdSecrets: readonly [string, ...string[]] | undefined
  /** Whether the platform signs operators in, and therefore sets the header with their identity. */
  readonly platformSignsIn: boolean
  /** The names from `AzureWebJobs_<name>_Disabled`, in lower case. */
  readonly disabledFunctions: ReadonlySet<string>
  /** One line for each setting that has a value but no effect. */
  readonly withoutEffect: readonly string[]
  readonly logLevel: LogLevel
  /** Whether each response with a status from 400 to 499 is logged. */
  readonly logRefusals: boolean
  readonly seqUrl: string | undefined
  /** The complete URL to which traces are posted. */
  readonly otlpTracesUrl: string | undefined
  readonly applicationInsights: string | undefined
}

export type KafkaConfig = NonNullable<ReturnType<typeof kafkaOf>>

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const MIN_SECRET_LENGTH = 16
/**
 * The maximum retry delay: host.json's functionTimeout (35 minutes) minus 5 minutes for holding the batch and some time
 * for storing it.
 */
export const MAX_RETRY_DELAY_MS = 25 * 60_000
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS }

const optional = z
  .string()
  .optional()
  .transform((value) => (value === undefined || value.trim() === '' ? undefined : value.trim()))

function whole(min: number, max: number, fallback: number) {
  const fault = `must be a whole number from ${min} to ${max}`
  return optional.transform((value, context) => {
    if (value === undefined) return fallback
    const number = Number(value)
    if (/^\d+$/.test(value) && number >= min && number <= max) return number
    context.addIssue({ code: 'custom', message: fault })
    return z.NEVER
  })
}

function oneOf<const T extends readonly string[]>(values: T) {
  return optional.transform((value, context): T[number] | undefined => {
    if (value === undefined) return undefined
    const found = values.find((known) => known === value.toLowerCase())
    if (found === undefined) context.addIssue({ code: 'custom', message: `must be one of ${values.join(', ')}` })
    return found
  })
}

function list() {
  return optional.transform((value) =>
    (value ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
}

/** Undefined if the text is not a number with a unit. */
function milliseconds(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Number(amount) * (UNIT_MS[unit] ?? Number.NaN)
  return Number.isSafeInteger(ms) ? ms : undefined
}

const url = optional.refine((value) => value === undefined || URL.canParse(value), { error: 'must be a URL' })

const topicName = optional.refine((value) => value === undefined || /^[A-Za-z0-9._-]{1,200}$/.test(value), {
  error: "must be 1 to 200 letters, digits, '.', '_' or '-'",
})

/** A hundred years. A longer time is probably a typo. */
const MAX_RETENTION_DAYS = 36_500
const DELAYS_MS = [10_000, 60_000, 600_000]
/** The retry delays with FAULTS=on. They are short, so that a demonstration does not take eleven minutes. */
const DEMO_DELAYS_MS = [2000, 5000, 10_000]

const delays = optional.transform((value, context) => {
  if (value === undefined) return undefined
  const parts = value.split(',').map((part) => part.trim())
  return parts.map((part) => {
    const ms = milliseconds(part)
    if (ms === undefined) {
      context.addIssue({ code: 'custom', message: `has the delay ${JSON.stringify(part)}; write them as 10s,1m,10m` })
    } else if (ms > MAX_RETRY_DELAY_MS) {
      const limits =
        'host.json lets a function run for 35 minutes, in which it must wait for the delay and then hold and store the batch, so a delay may be at most 25m'
      context.addIssue({ code: 'custom', message: `has the delay ${part}; ${limits}` })
    }
    return ms ?? Number.NaN
  })
})

const retention = optional.transform((value, context) => {
  if (value === undefined || value.toLowerCase() === 'forever') return null
  const ms = milliseconds(value)
  if (ms !== undefined && ms <= MAX_RETENTION_DAYS * DAY_MS) return ms
  const most = `of at most ${MAX_RETENTION_DAYS}d`
  context.addIssue({ code: 'custom', message: `must be forever, or a duration such as 90d or 36h, ${most}` })
  return z.NEVER
})

const brokers = list().refine((found) => found.every((broker) => /^[^\s:]+:\d{1,5}$/.test(broker)), {
  error: 'must be host:port,host:port',
})

const secrets = list().refine((found) => found.every((secret) => secret.length >= MIN_SECRET_LENGTH), {
  error: `must be at least ${MIN_SECRET_LENGTH} characters each`,
})

const key = optional.refine((value) => value === undefined || value.length >= MIN_SECRET_LENGTH, {
  error: `must be at least ${MIN_SECRET_LENGTH} characters`,
})

const settingsSchema = z.object({
  HOST: optional,
  PORT: whole(0, 65_535, 7071),
  DATA_DIR: optional,
  KAFKA_BROKERS: brokers,
  KAFKA_SECURITY_PROTOCOL: oneOf(['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl']),
  KAFKA_SASL_MECHANISM: oneOf(['plain', 'scram-sha-256', 'scram-sha-512']),
  KAFKA_USERNAME: optional,
  KAFKA_PASSWORD: optional,
  KAFKA_SSL_CA: optional,
  ORDERS_TOPIC: topicName,
  ORDERS_PARTITIONS: whole(1, 1000, 6),
  KAFKA_REPLICATION: whole(1, 9, 1),
  ORDERS_CONSUMER_GROUP: topicName,
  RETRY_DELAYS: delays,
  LOG_RETENTION: retention,
  SETTLED_RETENTION: retention,
  HISTORY_RETENTION: retention,
  AUDIT_RETENTION: retention,
  ORDERS_AUTH: oneOf(['anonymous', 'function']),
  CORS_ORIGINS: list(),
  FAULTS: oneOf(['on', 'off']),
  OPS_URL: url,
  SQL_CONNECTION_STRING: optional,
  FUNCTIONS_KEY: key,
  READ_KEY: key,
  PLACE_KEY: key,
  METRICS_KEY: key,
  ORDER_ID_SECRET: secrets,
  APPLICATIONINSIGHTS_CONNECTION_STRING: optional,
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
  // Any value but `true` counts as false (OpenTelemetry's specification, "Boolean value").
  OTEL_SDK_DISABLED: optional,
  SEQ_URL: url,
  LOG_LEVEL: oneOf(LOG_LEVELS),
  LOG_REFUSALS: oneOf(['on', 'off']),
})

/** The names that `local.settings.json` may contain. Other names are reported. */
export const SETTING_NAMES: readonly string[] = Object.keys(settingsSchema.shape)

export function readConfig(environment: Environment, runtime: Config['runtime']): Config {
  const parsed = settingsSchema.safeParse(environment)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new OrderError('invalid-setting', `${String(issue?.path[0])} ${issue?.message}.`)
  }
  const settings = parsed.data
  const [firstSecret, ...olderSecrets] = settings.ORDER_ID_SECRET
  const config: Config = {
    runtime,
    host: settings.HOST ?? '127.0.0.1',
    port: settings.PORT,
    dataDir: settings.DATA_DIR ?? '.data',
    kafka: kafkaOf(settings),
    topic: settings.ORDERS_TOPIC ?? 'orders',
    partitions: settings.ORDERS_PARTITIONS,
    replication: settings.KAFKA_REPLICATION,
    consumerGroup: settings.ORDERS_CONSUMER_GROUP ?? 'order-processor',
    retryDelaysMs: settings.RETRY_DELAYS ?? (settings.FAULTS === 'on' ? DEMO_DELAYS_MS : DELAYS_MS),
    logRetentionMs: settings.LOG_RETENTION,
    storeRetentionMs: {
      settled: settings.SETTLED_RETENTION,
      history: settings.HISTORY_RETENTION,
      audit: settings.AUDIT_RETENTION,
    },
    ordersAuth: settings.ORDERS_AUTH ?? 'anonymous',
    corsOrigins: settings.CORS_ORIGINS,
    faults: settings.FAULTS === 'on',
    opsUrl: settings.OPS_URL,
    sqlConnectionString: settings.SQL_CONNECTION_STRING,
    functionsKey: settings.FUNCTIONS_KEY,
    keys: { metrics: settings.METRICS_KEY, place: settings.PLACE_KEY, read: settings.READ_KEY },
    orderIdSecrets: firstSecret === undefined ? undefined : [firstSecret, ...olderSecrets],
    platformSignsIn: environment['WEBSITE_AUTH_ENABLED']?.toLowerCase() === 'true',
    disabledFunctions: disabledFunctions(environment),
    withoutEffect: settingsWithoutEffect(environment, SETTING_NAMES, runtime),
    logLevel: settings.LOG_LEVEL ?? 'info',
    logRefusals: settings.LOG_REFUSALS === 'on',
    seqUrl: settings.SEQ_URL,
    ...tracesOf(settings),
  }
  refuseContradictions(config)
  if (runtime === 'functions') refuseWhiteSpace(environment, config.kafka)
  return config
}

type Settings = z.output<typeof settingsSchema>

function kafkaOf(settings: Settings) {
  const { KAFKA_BROKERS: brokers, KAFKA_SECURITY_PROTOCOL: securityProtocol = 'plaintext' } = settings
  if (brokers.length === 0) return undefined
  // Most Kafka services with SASL, such as Event Hubs, expect PLAIN.
  const saslMechanism = settings.KAFKA_SASL_MECHANISM ?? (securityProtocol.startsWith('sasl') ? 'plain' : undefined)
  return {
    brokers,
    securityProtocol,
    saslMechanism,
    username: settings.KAFKA_USERNAME,
    password: settings.KAFKA_PASSWORD,
    sslCa: settings.KAFKA_SSL_CA,
  }
}

/** As OpenTelemetry specifies, the traces endpoint is used as it is, and a path is appended to the base endpoint. */
function tracesOf(settings: Settings): Pick<Config, 'otlpTracesUrl' | 'applicationInsights'> {
  if (settings.OTEL_SDK_DISABLED?.toLowerCase() === 'true')
    return { otlpTracesUrl: undefined, applicationInsights: undefined }
  const base = settings.OTEL_EXPORTER_OTLP_ENDPOINT
  const ofBase = base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`
  return {
    otlpTracesUrl: settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? ofBase,
    applicationInsights: settings.APPLICATIONINSIGHTS_CONNECTION_STRING,
  }
}

function refuseContradictions(config: Config): void {
  if (config.runtime === 'functions' && (config.kafka === undefined || config.sqlConnectionString === undefined)) {
    throw new OrderError(
      'invalid-setting',
      'KAFKA_BROKERS and SQL_CONNECTION_STRING must be set in the Functions runtime; without them use `npm start`, whose embedded host brings its own log and store.',
    )
  }
  if (
    config.orderIdSecrets === undefined &&
    (config.runtime === 'functions' || config.sqlConnectionString !== undefined)
  ) {
    throw new OrderError(
      'invalid-setting',
      'ORDER_ID_SECRET must be set, to the same value for every instance, in the Functions runtime and whenever SQL_CONNECTION_STRING is set.',
    )
  }
  if (config.logRetentionMs !== null && config.logRetentionMs < Math.max(...config.retryDelaysMs) + DAY_MS) {
    throw new OrderError(
      'invalid-setting',
      'LOG_RETENTION must be at least one day longer than the longest delay in RETRY_DELAYS, because a record that leaves the log before its retry is lost.',
    )
  }
  const { settled, history, audit } = config.storeRetentionMs
  const kept = { SETTLED_RETENTION: settled, HISTORY_RETENTION: history, AUDIT_RETENTION: audit }
  for (const [name, ms] of Object.entries(kept)) {
    if (ms === null || ms >= DAY_MS) continue
    const why = 'because nobody could look into a mistake, or undo a discard, after that'
    throw new OrderError('invalid-setting', `${name} must be at least 1d, ${why}.`)
  }
  const given = [config.functionsKey, ...Object.values(config.keys)].filter((value) => value !== undefined)
  if (new Set(given).size < given.length) {
    throw new OrderError(
      'invalid-setting',
      'FUNCTIONS_KEY, READ_KEY, PLACE_KEY and METRICS_KEY must differ from one another, because each key grants different rights.',
    )
  }
  if (config.kafka?.securityProtocol.startsWith('sasl') && (!config.kafka.username || !config.kafka.password)) {
    throw new OrderError('invalid-setting', 'KAFKA_USERNAME and KAFKA_PASSWORD must be set if SASL is used.')
  }
}

/**
 * Our own Kafka client gets trimmed values, but the Kafka trigger reads these settings itself and does not trim them
 * (shared/triggers.ts), so orders would be accepted but never stored. A PEM text may end with a line break. The trigger
 * ignores white space around the brokers too.
 */
function refuseWhiteSpace(environment: Environment, kafka: KafkaConfig | undefined): void {
  if (kafka === undefined) return
  const read = [
    ...(kafka.securityProtocol.startsWith('sasl') ? ['KAFKA_USERNAME', 'KAFKA_PASSWORD'] : []),
    ...(kafka.securityProtocol.endsWith('ssl') && !kafka.sslCa?.includes('-----BEGIN') ? ['KAFKA_SSL_CA'] : []),
  ]
  const padded = read.find((name) => environment[name] !== environment[name]?.trim())
  if (padded === undefined) return
  throw new OrderError(
    'invalid-setting',
    `${padded} begins or ends with white space or a line break, which the Kafka trigger would take for a part of it.`,
  )
}
