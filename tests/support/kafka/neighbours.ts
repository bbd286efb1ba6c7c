import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kafkaClassPath, missingForKafka } from '../../../infra/kafka/distribution.ts'
import { mavenClassPath } from '../../../infra/kafka/maven.ts'
import { startProgram, type RunningProgram } from '../product/running-program.ts'

/** Runs programs in tests/neighbours/ that use other Kafka clients. A program's name is its path in that directory. */
const PROGRAMS = fileURLToPath(new URL('../../neighbours/', import.meta.url))
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/neighbours/', import.meta.url))
// Optimised for fast startup, because each program runs for only a few seconds.
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

export interface Neighbour {
  /** For `describe.skipIf`. Always false in CI, where a missing program is an error. */
  readonly isMissing: boolean
  /** Runs a program until it exits. Resolves with its standard output; rejects with its standard error if it fails. */
  run(program: string, ...args: string[]): Promise<string>
  /** Starts a program for interactive use. The program is killed on disposal. */
  start(program: string, ...args: string[]): RunningProgram
}

/** Python with the packages of requirements.txt, which the first call installs in a separate environment. */
export async function findPython(): Promise<Neighbour> {
  return neighbour('Python', missingForPython(), async () => {
    const python = environmentPython()
    return (program, args) => startProgram(python, [join(PROGRAMS, program), ...args])
  })
}

/**
 * Java, for running single-file programs. Their class path consists of the broker's own jars or, if `jars` names a
 * folder in tests/neighbours/, the dependencies in that folder's pom.xml, which the first call downloads.
 */
export async function findJava(jars?: string): Promise<Neighbour> {
  return neighbour('Java', missingForJava(), async () => {
    const classPath = await (jars === undefined ? kafkaClassPath() : classPathOf(join(PROGRAMS, jars, 'pom.xml')))
    return (program, args) => startProgram('java', [...JVM, '-cp', classPath, join(PROGRAMS, program), ...args])
  })
}

type Start = (program: string, args: readonly string[]) => RunningProgram

/** Downloads happen here, outside the tests, so that no test's timeout has to allow for them. */
async function neighbour(name: string, missing: string | undefined, prepare: () => Promise<Start>): Promise<Neighbour> {
  let start: Start | undefined
  try {
    if (missing !== undefined) throw new Error(missing)
    start = await prepare()
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    process.stderr.write(
      `Tests with ${name} are skipped. ${error instanceof Error ? error.message.split('\n', 2).join(' ') : ''}\n`,
    )
  }
  function begin(program: string, args: readonly string[]): RunningProgram {
    if (start === undefined) throw new Error(`${name} is missing: the test has to be skipped.`)
    return start(program, args)
  }
  return {
    isMissing: start === undefined,
    start: (program, ...args) => begin(program, args),
    async run(program, ...args) {
      await using running = begin(program, args)
      return await running.ended
    },
  }
}

function missingForPython(): string | undefined {
  const found = spawnSync('python3', ['-c', 'import ensurepip'])
  return found.status === 0 ? undefined : 'They need Python 3 with venv (on Debian, the package python3-venv).'
}

function missingForJava(): string | undefined {
  const missing = missingForKafka()
  if (missing !== undefined) return missing
  const { stdout } = spawnSync('java', ['--list-modules'], { encoding: 'utf8' })
  return stdout.includes('jdk.compiler') ? undefined : 'They need a JDK, not only a JRE (adoptium.net).'
}

function environmentPython(): string {
  const requirements = join(PROGRAMS, 'requirements.txt')
  const directory = cachedUnder('python', requirements)
  if (!existsSync(directory)) {
    // Installs into a temporary folder and renames it, so that an interrupted installation is never used.
    const installing = `${directory}.${process.pid}`
    try {
      execute('python3', ['-m', 'venv', installing])
      execute(join(installing, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements])
      if (!existsSync(directory)) renameSync(installing, directory)
    } finally {
      rmSync(installing, { recursive: true, force: true })
    }
  }
  return join(directory, 'bin', 'python')
}

async function classPathOf(pom: string): Promise<string> {
  return mavenClassPath(pom, cachedUnder('java', pom))
}

/** A cache folder whose name contains a hash of the file that lists its content. */
function cachedUnder(name: string, file: string): string {
  return join(CACHE, `${name}-${createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16)}`)
}

function execute(command: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? ''}${stdout}${stderr}`)
}
