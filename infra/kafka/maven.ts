import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether Maven is installed. */
export function hasMaven(): boolean {
  return spawnSync('mvn', ['-version'], { shell: process.platform === 'win32' }).status === 0
}

/**
 * The class path of the dependencies of `pom`, kept in `directory`. The first call downloads them from Maven Central; later
 * calls need no network. Rejects with Maven's message.
 */
export async function mavenClassPath(pom: string, directory: string): Promise<string> {
  if (!existsSync(directory)) {
    // Downloaded into another directory and then renamed, so that an interrupted download never counts as complete. Each
    // download has its own directory, because the brokers of one cluster start at the same time.
    mkdirSync(dirname(directory), { recursive: true })
    const fetching = mkdtempSync(`${directory}.`)
    try {
      await copyDependencies(pom, fetching)
      if (!existsSync(directory)) renameSync(fetching, directory)
    } finally {
      rmSync(fetching, { recursive: true, force: true })
    }
  }
  return join(directory, '*')
}

async function copyDependencies(pom: string, directory: string): Promise<void> {
  const goal = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime']
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
  if (status !== 0) throw new Error(`Maven could not fetch what ${pom} depends on:\n${said.trim()}`)
}
