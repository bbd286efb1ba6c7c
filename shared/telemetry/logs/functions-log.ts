import type { DestinationStream } from 'pino'
import type { LogLevel } from '../../settings/config.ts'
import { invocationLog } from './invocation-scope.ts'

/**
 * In the Functions runtime, a line goes to the log of the invocation that wrote it, so that the portal and Application
 * Insights show both the invocation and the level. A line from outside any invocation goes to `otherwise`, which the
 * runtime also captures.
 */
export function functionsLog(otherwise: DestinationStream): DestinationStream {
  return {
    write(line) {
      const log = invocationLog()
      if (log === undefined) return otherwise.write(line)
      const { level } = JSON.parse(line) as { level: Exclude<LogLevel, 'silent'> }
      log[level === 'fatal' ? 'error' : level](line.trimEnd())
    },
  }
}
