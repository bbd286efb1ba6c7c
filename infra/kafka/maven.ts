import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../shared/domain/errors.ts'

/** On Windows `mvn` is a batch file, which only a shell can start. */
const IS_WINDOWS = process.platform === 'win32'

/** Whether Maven is installed. */
export function hasMaven(): boolean {
  return spawnSync('mvn', ['-version'], { shell: IS_WINDOWS }).status === 0
}

/**
 * The class path of the dependencies that `pom` names. Their files are in `directory`. The first call downloads them
 * from Maven Central; later calls need no network. Rejects with Maven's message.
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
  try {
    await promisify(execFile)('mvn', [...goal, `-DoutputDirectory=${directory}`], { shell: IS_WINDOWS })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(
      `Maven could not fetch the dependencies of ${pom}:\n${(stdout + stderr).trim() || messageOf(error)}`,
      { cause: error },
    )
  }
}
