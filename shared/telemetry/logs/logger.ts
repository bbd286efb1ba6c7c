import { pino, type DestinationStream, type Logger } from 'pino'
import type { Config } from '../../settings/config.ts'
import { toErrorLine } from './error-line.ts'
import { functionsLog } from './functions-log.ts'
import { invocationFields } from './invocation-scope.ts'

export type { Logger } from 'pino'

/** Disposing flushes the lines that Seq has not received yet. */
export interface Logging extends AsyncDisposable {
  readonly logger: Logger
}

/**
 * Log lines should contain no personal data: only order ids, positions in the log, error codes and safe error
 * properties. In case a logged object contains personal data anyway, these fields are redacted up to three levels deep.
 */
const PERSONAL = [
  'customerId',
  'customerName',
  'customerLastName',
  'customerFullName',
  'customerEmail',
  'reference',
  'metadata',
  'email',
  'shippingAddress',
  'billingAddress',
  'address',
]
const REDACTED_PATHS = PERSONAL.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])

/** Writes JSON lines. Each line names its invocation, and has the event's stable name in `event`. */
export function createLogger(level: Config['logLevel'], stream: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: invocationFields,
    serializers: { err: toErrorLine },
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[personal]' },
  }
  return pino(options, stream)
}

/**
 * Logs to standard error, because standard output is for results. The lines are readable text in a terminal and JSON
 * elsewhere. In the Functions runtime, a line that is logged during an invocation goes to the log of that invocation
 * instead. With SEQ_URL, lines also go to Seq, whose outages do not affect the process.
 */
export async function openLogging(
  config: Pick<Config, 'logLevel' | 'seqUrl' | 'runtime'>,
  isTerminal: boolean = process.stderr.isTTY,
): Promise<Logging> {
  const stderr = (isTerminal ? await prettyStream() : undefined) ?? pino.destination({ dest: 2, sync: true })
  const screen = config.runtime === 'functions' ? functionsLog(stderr) : stderr
  if (config.seqUrl === undefined) {
    return { logger: createLogger(config.logLevel, screen), [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const { createSeqStream } = await import('./seq.ts')
  const seq = createSeqStream({
    url: config.seqUrl,
    onAway: (error) =>
      logger.warn(
        { event: 'seq:away', err: error },
        'Seq is not accepting log lines; they are queued, and dropped if there are too many',
      ),
    onRejected: (status) =>
      logger.warn(
        { event: 'seq:rejected', status },
        `Seq rejects log lines with status ${status}, and they are lost; check the address and the API key in SEQ_URL`,
      ),
    onBack: (lost) => logger.warn({ event: 'seq:back', lost }, 'Seq accepts log lines again'),
  })
  const level = config.logLevel === 'silent' ? 'fatal' : config.logLevel
  const both = pino.multistream([
    { stream: screen, level },
    { stream: seq, level },
  ])
  const logger = createLogger(config.logLevel, both)
  return { logger, [Symbol.asyncDispose]: () => seq.close() }
}

/** Undefined if pino-pretty, a development dependency, is not installed. */
async function prettyStream(): Promise<DestinationStream | undefined> {
  try {
    const { PinoPretty } = await import('pino-pretty')
    return PinoPretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
