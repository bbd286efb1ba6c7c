import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadFunctions } from '../../../infra/host/functions/load-functions.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const loaded: string[] = []
let root: string
beforeEach(() => {
  root = temporaryDirectory()
  Object.assign(globalThis, { loaded })
})
afterEach(() => {
  Reflect.deleteProperty(globalThis, 'loaded')
  loaded.length = 0
})

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

const remember = (name: string) => `globalThis.loaded.push('${name}')`

test('loads the TypeScript sources of the files that main names in dist, in sorted order', async () => {
  write('package.json', JSON.stringify({ type: 'module', main: 'dist/functions/*.js' }))
  for (const name of ['b', 'a', 'zz-last']) write(`functions/${name}.ts`, remember(name))
  write('functions/notes.md', '')
  write('dist/functions/old.js', remember('old'))
  await loadFunctions(root)
  expect(loaded).toEqual(['a', 'b', 'zz-last'])
})

test('loads other files that main names as they are', async () => {
  write('package.json', JSON.stringify({ type: 'module', main: 'app/{index.js,functions/*.js}' }))
  write('app/index.js', remember('index'))
  write('app/functions/one.js', remember('one'))
  await loadFunctions(root)
  expect(loaded).toEqual(['one', 'index'])
})

test('says in one line which file could not be loaded and why, and keeps the cause', async () => {
  write('package.json', JSON.stringify({ type: 'module', main: 'dist/functions/*.js' }))
  write('functions/broken.ts', "throw new Error('no such setting\\nwith more lines')")
  const failure = await loadFunctions(root).catch((error: unknown) => error)
  expect(failure).toMatchObject({
    message: 'functions/broken.ts could not be loaded: no such setting',
    cause: { message: 'no such setting\nwith more lines' },
  })
})

test.each([
  ['{}', /has no "main"/],
  ['{"main":"dist/functions/*.js"}', /No function file matches functions\/\*\.ts/],
])('refuses %s', async (packageJson, message) => {
  write('package.json', packageJson)
  await expect(loadFunctions(root)).rejects.toThrow(message)
})

test('refuses a directory without package.json', async () => {
  await expect(loadFunctions(root)).rejects.toThrow(/package\.json is missing/)
})
