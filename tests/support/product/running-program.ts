import { spawn, type SpawnOptions } from 'node:child_process'

/** A program whose standard input and output a test uses line by line. It is killed on disposal. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number | undefined
  /** False once it has exited and all of its output has been read. */
  readonly isRunning: boolean
  /** Its standard output and standard error so far. */
  readonly output: string
  readonly errors: string
  /** Its whole standard output. If the exit code is not 0, rejects with what the program wrote to standard error. */
  readonly ended: Promise<string>
  /**
   * Resolves to the next line of standard output that matches, and skips earlier lines. Rejects when the program exits
   * without a match.
   */
  says(pattern: RegExp): Promise<string>
  /** Writes a line to its standard input. */
  tell(line: string): void
  /** Ends its standard input. */
  end(): void
  /**
   * Sends SIGKILL by default. Resolves once the program has exited, with its exit code, or with null if a signal ended
   * it.
   */
  kill(signal?: NodeJS.Signals): Promise<number | null>
}

export function startProgram(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'> = {},
): RunningProgram {
  const child = spawn(command, args, { ...options, stdio: 'pipe' })
  // A test that times out never disposes of anything.
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  let output = ''
  let errors = ''
  let read = 0
  let isRunning = true
  let changed = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    changed.resolve()
    changed = Promise.withResolvers<void>()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  // The program may have exited already; `ended` has the reason.
  child.stdin.on('error', () => undefined)

  const closed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, signal) => resolve(status === 0 ? '' : `ended by ${signal ?? `status ${status}`}`))
  }).finally(() => {
    isRunning = false
    process.off('exit', killAtExit)
  })
  const ended = closed.then((failure) => {
    if (failure !== '') throw new Error(`${command} ${args.at(-1) ?? ''}: ${failure}\n${errors}${output}`)
    return output
  })
  // A test that kills its program does not await this promise.
  ended.catch(() => undefined)

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    child.kill(signal)
    await closed
    return child.exitCode
  }

  return {
    pid: child.pid,
    get isRunning() {
      return isRunning
    },
    get output() {
      return output
    },
    get errors() {
      return errors
    },
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
    kill,
    [Symbol.asyncDispose]: async () => void (await kill()),
  }
}
