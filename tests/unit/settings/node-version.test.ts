import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { refuseOldNode } from '../../../shared/settings/node-version.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

test.each(['18.20.8', '20.20.2', '22.17.9'])('Node %s is refused in one line', (version) => {
  expect(() => refuseOldNode(version)).toThrow(`Node ${version} is too old: this needs Node 22.18 or later.`)
})

test.each(['22.18.0', '22.23.1', '24.0.0', '26.1.0'])('Node %s is accepted', (version) => {
  expect(() => refuseOldNode(version)).not.toThrow()
})

test('package.json and the check of the scripts agree', () => {
  const { engines, scripts } = JSON.parse(read('package.json')) as {
    engines: { node: string }
    scripts: Record<string, string>
  }
  expect(engines.node).toBe('>=22.20')
  expect(read('infra/host/preload.js')).toContain('this needs Node 22.20 or later')
  const running = Object.values(scripts).filter((script) => script.startsWith('node '))
  expect(running.length).toBeGreaterThan(4)
  for (const script of running) expect(script).toContain('--import ./infra/host/preload.js')
})

test('no source file declares a variable with `using`, which Node 22 cannot parse', () => {
  const sources = ['shared', 'infra', 'functions', 'loadtest'].flatMap((folder) =>
    globSync('**/*.{ts,js}', { cwd: join(ROOT, folder) }).map((file) => join(folder, file)),
  )
  expect(sources.length).toBeGreaterThan(400)
  const declaring = sources.filter((file) => /^\s*(?:await )?using \w+ = /m.test(read(file)))
  expect(declaring).toEqual([])
})
