import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const POM = fileURLToPath(new URL('pom.xml', import.meta.url))
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kafka/', import.meta.url))
const FIRST_JAVA = 17

/** What this machine lacks to run a broker, as one line that says what to install; undefined when nothing. */
export function missingForKafka(): string | undefined {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const version = Number(/version "(\d+)/.exec(java.stderr ?? '')?.[1] ?? 0)
  if (version < FIRST_JAVA) return `A Kafka broker needs Java ${FIRST_JAVA} or later: install a JRE (adoptium.net).`
  if (existsSync(jarsOf(kafkaVersion()))) return undefined
  const maven = spawnSync('mvn', ['-version'], { shell: process.platform === 'win32' })
  if (maven.status === 0) return undefined
  return 'Fetching Kafka for the first time needs Maven: install it (maven.apache.org).'
}

/**
 * The class path of the broker. The first call fetches it from Maven Central; later ones need no network. Rejects
 * with what Maven said.
 */
export async function kafkaClassPath(): Promise<string> {
  const jars = jarsOf(kafkaVersion())
  if (!existsSync(jars)) {
    // Fetched beside and then renamed, so that a fetch that was cut short is never taken for a whole one.
    const fetching = `${jars}.${process.pid}`
    mkdirSync(fetching, { recursive: true })
    try {
      await copyDependencies(fetching)
      if (!existsSync(jars)) renameSync(fetching, jars)
    } finally {
      rmSync(fetching, { recursive: true, force: true })
    }
  }
  return join(jars, '*')
}

function jarsOf(version: string): string {
  return join(CACHE, version)
}

function kafkaVersion(): string {
  const version = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(POM, 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${POM} names no version of Kafka.`)
  return version
}

async function copyDependencies(directory: string): Promise<void> {
  const goal = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime']
  const maven = spawn('mvn', [...goal, `-DoutputDirectory=${directory}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  let said = ''
  maven.stdout.on('data', (text: Buffer) => (said += String(text)))
  maven.stderr.on('data', (text: Buffer) => (said += String(text)))
  const status = await new Promise<number | null>((resolve, reject) => {
    maven.once('error', reject)
    maven.once('close', resolve)
  })
  if (status !== 0) throw new Error(`Maven could not fetch Kafka:\n${said.trim()}`)
}
