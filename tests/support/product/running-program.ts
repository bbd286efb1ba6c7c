import { spawn } from 'node:child_process'

/** A program that a test talks with, line by line, by its standard input and output. */
export interface RunningProgram extends AsyncDisposable {
  /** Its whole standard output. Rejects with its standard error when it ends with another status than 0. */
  readonly ended: Promise<string>
  /**
   * Resolves to the next line of standard output that matches, and passes over those before it. Rejects when the program
   * ends without one.
   */
  says(pattern: RegExp): Promise<string>
  /** Writes a line to its standard input. */
  tell(line: string): void
  /** Ends its standard input. */
  end(): void
  /** SIGKILL. */
  kill(): Promise<void>
}

export function startProgram(command: string, args: readonly string[]): RunningProgram {
  const child = spawn(command, args, { stdio: 'pipe' })
  // A test that is ended by its timeout never comes to dispose of anything.
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  let output = ''
  let errors = ''
  let read = 0
  let changed = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    changed.resolve()
    changed = Promise.withResolvers<void>()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  // It may have ended when it is told something; `ended` says how.
  child.stdin.on('error', () => undefined)

  const closed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, signal) => resolve(status === 0 ? '' : `ended by ${signal ?? `status ${status}`}`))
  }).finally(() => process.off('exit', killAtExit))
  const ended = closed.then((failure) => {
    if (failure !== '') throw new Error(`${command} ${args.at(-1) ?? ''}: ${failure}\n${errors}${output}`)
    return output
  })
  // One that is killed by its test is waited for by nobody.
  ended.catch(() => undefined)

  return {
    ended,
    async says(pattern) {
      for (;;) {
        const wait = changed.promise
        let end = output.indexOf('\n', read)
        for (; end !== -1; end = output.indexOf('\n', read)) {
          const line = output.slice(read, end)
          read = end + 1
          if (pattern.test(line)) return line
        }
        const isOver = await Promise.race([wait.then(() => false), closed.then(() => true)])
        if (isOver && output.indexOf('\n', read) === -1) {
          throw new Error(`${command} ended without saying ${String(pattern)}:\n${errors}${output}`)
        }
      }
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    end: () => void child.stdin.end(),
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}
