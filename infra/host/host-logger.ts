import type { RpcLogLevel } from './rpc.ts'

type Write = (fields: object, message: string) => void

/** Where the host's lines go: pino's shape, fields first. */
export interface HostLogger {
  readonly trace: Write
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  readonly fatal: Write
}

export function writeLog(logger: HostLogger, level: RpcLogLevel, fields: object, message: string): void {
  switch (level) {
    case 'trace':
      return logger.trace(fields, message)
    case 'debug':
      return logger.debug(fields, message)
    case 'warning':
      return logger.warn(fields, message)
    case 'error':
      return logger.error(fields, message)
    case 'critical':
      return logger.fatal(fields, message)
    case 'information':
      return logger.info(fields, message)
    case 'none':
  }
}
