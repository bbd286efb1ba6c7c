import { messageOf } from '../../shared/domain/errors.ts'
import type { Environment } from '../../shared/settings/environment.ts'
import { outOfFiles } from './out-of-files.ts'

/** The system calls that take network addresses. File system calls use the same codes for other errors. */
const OF_ADDRESSES: ReadonlySet<string> = new Set(['listen', 'bind', 'getaddrinfo'])

/** One line that says why the process could not start, with the stack trace if LOG_LEVEL is debug or trace. */
export function startFailure(error: unknown, { HOST = '127.0.0.1', PORT = '7071', LOG_LEVEL }: Environment): string {
  const code =
    error instanceof Error && 'syscall' in error && 'code' in error && OF_ADDRESSES.has(String(error.syscall))
      ? String(error.code)
      : ''
  const line = outOfFiles(error) ?? addressFailure(code, HOST, PORT) ?? messageOf(error).split('\n', 1).join('')
  const isDetailed = /^(?:debug|trace)$/i.test(LOG_LEVEL ?? '')
  return isDetailed && error instanceof Error ? `${line}\n${error.stack}` : line
}

function addressFailure(code: string, host: string, port: string): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is already in use: stop the process that uses it, or set another PORT.`
    case 'EACCES':
      return `Port ${port} is only for privileged users: set PORT to 1024 or above.`
    case 'EADDRNOTAVAIL':
      return `HOST ${host} is not an address of this machine.`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST ${host} cannot be resolved.`
    default:
      return undefined
  }
}
