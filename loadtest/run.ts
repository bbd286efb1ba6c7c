import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onStopRequest } from '../infra/stop-request.ts'
import { checkAssertions } from './assertions.ts'
import { backlog } from './backlog.ts'
import { compareFiles } from './compare.ts'
import { execute } from './execute.ts'
import { growth } from './growth.ts'
import { readTask, USAGE, UsageError, type RunTask, type Task } from './options.ts'
import { reportPage } from './report/page.ts'
import type { RunResult } from './result.ts'
import { planOf } from './scenarios.ts'
import { summaryText } from './summary.ts'
import { runningTarget, startProduct, TargetError } from './target.ts'
import { versus } from './versus.ts'

/** `npm run loadtest -- <scenario>`: how it behaves under load, and whether every accepted order was stored. */
const EXIT = { well: 0, assertion: 1, usage: 2, unreachable: 3, interrupted: 130 } as const

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const interrupted = new AbortController()
onStopRequest(() => (interrupted.signal.aborted ? process.exit(EXIT.interrupted) : interrupted.abort()))

try {
  process.exitCode = await perform(readTask(process.argv.slice(2), process.env))
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

async function perform(task: Task): Promise<number> {
  switch (task.does) {
    case 'help':
      print(USAGE)
      return EXIT.well
    case 'compare':
      print(compareFiles(...task.files))
      return EXIT.well
    case 'versus': {
      const options = { ...task, print, onProgress: showProgress, signal: interrupted.signal }
      await versus(options)
      // Without a broker there is no topic in which orders could wait for either; at a rate they do not wait.
      if (process.env['KAFKA_BROKERS'] && task.rate === undefined) print(`\n${await backlog(options)}`)
      return EXIT.well
    }
    case 'growth':
      await growth({ ...task, print, onProgress: showProgress, signal: interrupted.signal })
      return EXIT.well
    case 'run':
      return runScenario(task)
  }
}

async function runScenario(task: RunTask): Promise<number> {
  const plan = planOf(task.scenario, task.said)
  const faults = task.scenario === 'outage' ? { FAULTS: 'on' } : {}
  const target = task.url === undefined ? await startProduct(faults) : runningTarget(task.url, task.key)
  try {
    const measured = await execute({ ...task, plan, target, onProgress: showProgress, signal: interrupted.signal })
    const result = { ...measured, assertions: checkAssertions(task.assertions, measured) }
    showProgress('')
    const files = writeResult(result, task.out)
    print(`${summaryText(result)}\n\n${files.join('\n')}`)
    return result.assertions.every(({ holds }) => holds) ? EXIT.well : EXIT.assertion
  } finally {
    await target.stop()
  }
}

function writeResult(result: RunResult, directory: string): [json: string, page: string] {
  mkdirSync(directory, { recursive: true })
  const name = join(directory, `${result.scenario}-${result.startedAt.slice(0, 19).replaceAll(':', '')}Z`)
  writeFileSync(`${name}.json`, `${JSON.stringify(result, null, 2)}\n`)
  writeFileSync(`${name}.html`, reportPage(result))
  return [`${name}.json`, `${name}.html`]
}

function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
}

function exitCodeOf(error: unknown): number {
  showProgress('')
  if (interrupted.signal.aborted) {
    process.stderr.write('Interrupted; nothing was written.\n')
    return EXIT.interrupted
  }
  if (error instanceof UsageError) process.stderr.write(`${error.message} See npm run loadtest -- --help\n`)
  else if (error instanceof TargetError) process.stderr.write(`${error.message}${causeOf(error)}\n`)
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return error instanceof UsageError ? EXIT.usage : EXIT.unreachable
}

function causeOf({ cause }: Error): string {
  return cause instanceof Error ? ` (${cause.message})` : ''
}
