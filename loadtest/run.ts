import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { onStopRequest } from '../infra/stop-request.ts'
import { archiving } from './comparisons/archiving.ts'
import { checkAssertions } from './outcome/assertions.ts'
import { compareFiles } from './comparisons/compare.ts'
import { execute } from './execute.ts'
import { growth } from './comparisons/growth.ts'
import { readTask, USAGE, UsageError, type RunTask, type Task } from './options.ts'
import { junitOf, junitOfFailure } from './report/junit.ts'
import { reportPage } from './report/page.ts'
import type { RunResult } from './outcome/result.ts'
import { planOf } from './scenarios.ts'
import { summaryText } from './report/summary.ts'
import { runningTarget, startProduct, TargetError } from './target.ts'
import { checkAgainst } from './comparisons/programs.ts'
import { compareWaiting } from './comparisons/waiting.ts'
import { versus } from './comparisons/versus.ts'

/** `npm run loadtest -- <scenario>`: measures the product under load, and checks that every accepted order is stored. */
const EXIT = { well: 0, assertion: 1, usage: 2, unreachable: 3, interrupted: 130 } as const

const interrupted = new AbortController()
const caller = { onProgress: showProgress, signal: interrupted.signal }
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
      const options = { ...task, ...caller }
      checkAgainst(task.against)
      print(await (task.waiting === undefined ? versus(options) : compareWaiting(task.waiting, options)))
      return EXIT.well
    }
    case 'growth':
      print(await growth({ ...task, ...caller }))
      return EXIT.well
    case 'archiving':
      print(await archiving({ ...task, ...caller }))
      return EXIT.well
    case 'run':
      checkOutput(task)
      return reportingFailure(task, () => runScenario(task))
  }
}

async function runScenario(task: RunTask): Promise<number> {
  const plan = planOf(task.scenario, task.said)
  const faults = task.scenario === 'outage' ? { FAULTS: 'on' } : {}
  const target = task.url === undefined ? await startProduct(faults) : runningTarget(task.url, task.key)
  try {
    const measured = await execute({ ...task, plan, target, ...caller })
    const result = { ...measured, assertions: checkAssertions(task.assertions, measured) }
    const files: string[] = writeResult(result, task.out)
    if (task.junit !== undefined) files.push(writeFile(task.junit, junitOf(result)))
    print(`${summaryText(result)}\n\n${files.join('\n')}`)
    return result.assertions.every(({ holds }) => holds) ? EXIT.well : EXIT.assertion
  } finally {
    await target.stop()
  }
}

/**
 * Throws `UsageError` if the results could not be written at the end of the run. Removes the JUnit file of an earlier
 * run.
 */
function checkOutput({ out, junit }: RunTask): void {
  try {
    mkdirSync(out, { recursive: true })
    accessSync(out, constants.W_OK)
    if (junit !== undefined) rmSync(junit, { force: true })
  } catch (error) {
    throw new UsageError(`The results could not be written: ${messageOf(error)}.`, { cause: error })
  }
}

/** Writes the JUnit file even when the run fails. */
async function reportingFailure(task: RunTask, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (task.junit !== undefined && !interrupted.signal.aborted) {
      writeFile(task.junit, junitOfFailure(task.scenario, messageOf(error)))
    }
    throw error
  }
}

function writeResult(result: RunResult, directory: string): [json: string, page: string] {
  const name = join(directory, `${result.scenario}-${result.startedAt.slice(0, 19).replaceAll(':', '')}Z`)
  return [
    writeFile(`${name}.json`, `${JSON.stringify(result, null, 2)}\n`),
    writeFile(`${name}.html`, reportPage(result)),
  ]
}

function writeFile(file: string, content: string): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  return file
}

function print(text: string): void {
  showProgress('')
  process.stdout.write(`${text}\n`)
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
  else if (error instanceof TargetError) process.stderr.write(`${messageOf(error)}\n`)
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return error instanceof UsageError ? EXIT.usage : EXIT.unreachable
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
