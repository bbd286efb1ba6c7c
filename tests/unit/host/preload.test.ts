import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const PRELOAD = join(import.meta.dirname, '..', '..', '..', 'infra', 'host', 'preload.js')
/** Prints for the main thread, and then for a worker thread, whether Node has loaded its type stripper. */
const SCRIPT = `
import { isMainThread, Worker } from 'node:worker_threads'
console.log(process.moduleLoadList.some((name: string) => name.includes('amaro')))
if (isMainThread) new Worker(import.meta.filename, { execArgv: [] })
`

function start(directory: string, cache: string): string[] {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env
  const script = join(directory, 'script.mts')
  writeFileSync(script, SCRIPT)
  const output = execFileSync(process.execPath, ['--import', PRELOAD, script], {
    cwd: directory,
    env: { ...env, TMPDIR: cache },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return output.trim().split('\n')
}

test('from the second start on, no thread loads the type stripper, because all use the compile cache', () => {
  const directory = temporaryDirectory()
  expect(start(directory, directory)).toEqual(['true', 'true'])
  expect(start(directory, directory)).toEqual(['false', 'false'])
})

test('without a directory for the compile cache, startup succeeds', () => {
  const directory = temporaryDirectory()
  expect(start(directory, join(directory, 'script.mts'))).toEqual(['true', 'true'])
  expect(readdirSync(directory)).toEqual(['script.mts'])
})

test('reads sources as ES modules in TypeScript without looking for a package.json', () => {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 'orders'))
  writeFileSync(join(directory, 'main.mts'), "import { total } from './orders/total.ts'\nconsole.log(total)")
  writeFileSync(join(directory, 'orders', 'total.ts'), 'export const total: number = 42')
  writeFileSync(join(directory, 'orders', 'package.json'), '{ "type": "commonjs" }')
  const script = join(directory, 'main.mts')
  expect(execFileSync(process.execPath, ['--import', PRELOAD, script], { encoding: 'utf8' })).toBe('42\n')
})

test('says which file imports a source that is missing', () => {
  const script = join(temporaryDirectory(), 'main.mts')
  writeFileSync(script, "import './missing.ts'")
  const run = () => execFileSync(process.execPath, ['--import', PRELOAD, script], { encoding: 'utf8', stdio: 'pipe' })
  expect(run).toThrow(/Cannot find module '.*missing\.ts' imported from .*main\.mts/)
})
