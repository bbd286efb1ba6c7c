import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TargetError } from '../target.ts'

const SOURCES = join(import.meta.dirname, '../baselines/go')
/** The compiler on the PATH, and the one in the official archive's default location. */
const GO = ['go', '/usr/local/go/bin/go']

const run = promisify(execFile)

/**
 * Builds the Go service once, into a temporary directory that is removed when this process exits. The returned function
 * resolves with the program's path. It rejects with `TargetError` if Go is not installed or the build fails.
 */
export function createGoService(compilers: readonly string[] = GO): () => Promise<string> {
  let built: Promise<string> | undefined
  return () => (built ??= build(compilers))
}

async function build(compilers: readonly string[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'go-service-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  try {
    const program = join(directory, 'go-service')
    await buildWith(compilers, program)
    process.once('exit', remove)
    return program
  } catch (error) {
    remove()
    throw error
  }
}

/** Uses the first compiler that is installed. */
async function buildWith(compilers: readonly string[], program: string): Promise<void> {
  for (const go of compilers) {
    try {
      await run(go, ['build', '-o', program, '.'], { cwd: SOURCES })
      return
    } catch (error) {
      const { code, stderr } = error as { code?: unknown; stderr?: string }
      if (code !== 'ENOENT') throw new TargetError(`go build failed. ${stderr?.trim()}`, { cause: error })
    }
  }
  throw new TargetError('Go is not installed.')
}
