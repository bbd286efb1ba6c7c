import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasMaven, mavenClassPath } from './maven.ts'

const POM = fileURLToPath(new URL('pom.xml', import.meta.url))
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kafka/', import.meta.url))
const FIRST_JAVA = 17

/** One line that names what this machine still needs to run a broker. Undefined if nothing is missing. */
export function missingForKafka(): string | undefined {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const version = Number(/version "(\d+)/.exec(java.stderr ?? '')?.[1] ?? 0)
  if (version < FIRST_JAVA) return `A Kafka broker needs Java ${FIRST_JAVA} or later: install a JRE (adoptium.net).`
  if (existsSync(jarsOf(kafkaVersion())) || hasMaven()) return undefined
  return 'Fetching Kafka for the first time requires Maven: install Maven (maven.apache.org).'
}

/** The broker's class path. The first call downloads its files. */
export async function kafkaClassPath(): Promise<string> {
  return mavenClassPath(POM, jarsOf(kafkaVersion()))
}

function jarsOf(version: string): string {
  return join(CACHE, version)
}

function kafkaVersion(): string {
  const version = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(POM, 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${POM} names no version of Kafka.`)
  return version
}
