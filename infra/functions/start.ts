import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../shared/domain/errors.ts'
import { onStopRequest } from '../stop-request.ts'
import { makeLocalSettings, missingSettings, runtimeSettings } from './settings.ts'
import { settingsFault, settingsHint } from './settings-fault.ts'

/** `npm run func`: builds the functions and runs them in the real runtime, with Azure Functions Core Tools. */
const ROOT = join(import.meta.dirname, '..', '..')
const PACKAGE = join(ROOT, 'node_modules', 'azure-functions-core-tools')
const TOOLS = join(PACKAGE, 'lib', 'main.js')
const PROGRAM = join(PACKAGE, 'bin', process.platform === 'win32' ? 'func.exe' : 'func')
const NO_TOOLS =
  'Azure Functions Core Tools could not be started: install them (learn.microsoft.com/azure/azure-functions/functions-run-local), or use `npm start`, which does not need them.'

try {
  process.exitCode = await start()
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}

async function start(): Promise<number> {
  if (makeLocalSettings(ROOT)) process.stdout.write('Created local.settings.json from the example.\n')
  const missing = missingSettings(ROOT, process.env)
  if (missing !== undefined) throw new Error(missing)
  const settings = runtimeSettings(ROOT, process.env)
  const hint = settingsHint(settings)
  if (hint !== undefined) process.stderr.write(`${hint}\n`)
  const fault = settingsFault(settings)
  if (fault !== undefined) throw new Error(fault)

  const { status } = spawnSync(process.execPath, ['infra/build.ts'], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) return status ?? 1
  return runTools(process.argv.slice(2))
}

/**
 * Uses the tools in node_modules if installed (they download their binary on first run), otherwise those on the PATH.
 */
async function runTools(args: readonly string[]): Promise<number> {
  const [program, first] = existsSync(TOOLS) ? [process.execPath, [TOOLS]] : ['func', []]
  const tools = spawn(program, [...first, 'start', ...args], { cwd: ROOT, stdio: 'inherit' })
  // A terminal sends the signal to both processes; any other program sends it only to this one.
  onStopRequest((signal) => tools.kill(signal))
  const code = await new Promise<number>((resolve, reject) => {
    tools.on('error', (cause) => reject(new Error(NO_TOOLS, { cause })))
    tools.on('close', (status, signal) => resolve(status ?? (signal === null ? 1 : 0)))
  })
  // If the download fails, the tools print their own error, but do not mention the alternative.
  const isSetUp = existsSync(PROGRAM) || !existsSync(TOOLS)
  if (code !== 0 && !isSetUp) process.stderr.write(`${NO_TOOLS}\n`)
  return code
}
