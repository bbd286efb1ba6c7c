import type { LogLevel } from '@azure/functions'

type Write = (fields: object, message: string) => void

/** The part of pino's interface that the host uses. */
export interface HostLogger {
  readonly trace: Write
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  readonly fatal: Write
}

const METHOD_OF = {
  trace: 'trace',
  debug: 'debug',
  information: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
} as const

export function writeLog(logger: HostLogger, level: LogLevel, fields: object, message: string): void {
  if (level !== 'none') logger[METHOD_OF[level]](fields, message)
}
