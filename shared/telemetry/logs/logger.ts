import { pino, type DestinationStream, type Logger } from 'pino'
import type { Config } from '../../settings/config.ts'
import { toErrorLine } from './error-line.ts'
import { functionsLog } from './functions-log.ts'
import { invocationFields } from './invocation-scope.ts'

export type { Logger } from 'pino'

/**
 * What is logged of an order is its id, its place in the log and the code of what went wrong, and of an error what
 * cannot hold data: personal data never gets in. Should some object bring it along all the same, these fields are
 * blotted out, up to three levels deep.
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

/** Lines of JSON, one for each event that matters, under a stable name in `event`, with the invocation that it is part of. */
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

/** The logger of a process, and what it holds open: disposing sends what Seq has not got yet. */
export interface Logging extends AsyncDisposable {
  readonly logger: Logger
}

/**
 * Logs to standard error, so that a program's own output stays its own: for people in a terminal, as JSON elsewhere; in
 * the Functions runtime to its log. With SEQ_URL also to Seq, which never slows or stops anything when it is away.
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
    onAway: (error) => logger.warn({ event: 'seq:away', err: error }, 'Seq takes no log lines; they wait, or are lost'),
    onBack: (lost) => logger.warn({ event: 'seq:back', lost }, 'Seq takes log lines again'),
  })
  const level = config.logLevel === 'silent' ? 'fatal' : config.logLevel
  const both = pino.multistream([
    { stream: screen, level },
    { stream: seq, level },
  ])
  const logger = createLogger(config.logLevel, both)
  return { logger, [Symbol.asyncDispose]: () => seq.close() }
}

/** Undefined where pino-pretty is not installed, for it is a tool of development. */
async function prettyStream(): Promise<DestinationStream | undefined> {
  try {
    const { PinoPretty } = await import('pino-pretty')
    return PinoPretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
