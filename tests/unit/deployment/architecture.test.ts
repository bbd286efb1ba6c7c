import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const MAX_FILES = 15
const SOURCE = /\.(?:ts|js|css|sql|py|sh)$/
const HOUSES = ['shared', 'infra', 'functions', 'loadtest', 'tests']

/** The rooms that each room may import, from the table in docs/architecture.md. */
const rows = new Map(
  [
    ...readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8').matchAll(/^\| `([a-z/-]+)\/` \|[^|]*\|([^|]*)\|$/gm),
  ].map(([, room = '', imports = '']) => [room, [...imports.matchAll(/`([a-z/-]+)`/g)].map(([, name = '']) => name)]),
)

/** Every folder with source files, and the number of these files. */
function folders(): Map<string, number> {
  const files = HOUSES.flatMap((house) =>
    readdirSync(join(ROOT, house), { recursive: true, encoding: 'utf8' }).map((file) => join(house, file)),
  )
  const sources = files.filter((file) => SOURCE.test(file) && !/node_modules/.test(file))
  return new Map([...Map.groupBy(sources, dirname)].map(([folder, of]) => [folder, of.length]))
}

describe('the rooms of the house', () => {
  it('each have a row in docs/architecture.md, and every row has a room', () => {
    const programs = [...folders().keys()].filter((folder) => !folder.startsWith('tests'))
    const rooms = programs.map((folder) => {
      const [house = '', room] = folder.split('/')
      return house === 'functions' || house === 'loadtest' || room === undefined ? house : `${house}/${room}`
    })
    // The table has no row for the files directly in shared/, which are the root, or for those directly in infra/,
    // which all of infra's rooms may use. It also has none for infra/sql and infra/kubernetes, which import no other
    // room.
    const expected = rooms.filter((room) => !['shared', 'infra', 'infra/sql', 'infra/kubernetes'].includes(room))
    expect([...rows.keys()].toSorted()).toEqual([...new Set(expected)].toSorted())
  })

  it(`hold at most ${MAX_FILES} files each`, () => {
    // Released migrations are never removed, so their folders only grow.
    const full = [...folders()].filter(([folder, files]) => files > MAX_FILES && !folder.startsWith('infra/sql/'))
    expect(full).toEqual([])
  })

  describe('have walls', () => {
    const copy = mkdtempSync(join(tmpdir(), 'walls-'))
    afterAll(() => rmSync(copy, { recursive: true }))
    const target = (room: string) => (room === 'root' ? 'shared/composition-root.ts' : `${pathOf(room)}/some/target.ts`)
    const pathOf = (room: string) => (rows.has(room) ? room : `shared/${room}`)
    const names = [...rows.keys()].map((room) => room.replace(/^shared\//, ''))

    it('that refuse exactly the imports that the table does not list, at any depth', () => {
      cpSync(join(ROOT, 'oxlint.config.ts'), join(copy, 'oxlint.config.ts'))
      symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
      const expected: string[] = []
      for (const [room, imports] of rows) {
        for (const depth of ['', 'some/', 'some/more/']) {
          const probe = room === 'shared/adapters' ? `${room}/one/${depth}probe.ts` : `${room}/${depth}probe.ts`
          const others = [...names, 'root'].filter((name) => pathOf(name) !== room)
          const lines = others.map((name) => `import '${relative(dirname(probe), target(name))}'`)
          mkdirSync(join(copy, dirname(probe)), { recursive: true })
          writeFileSync(join(copy, probe), `${lines.join('\n')}\n`)
          const refused = others.filter((name) => !imports.includes(name))
          expected.push(...refused.map((name) => `${probe} → ${target(name)}`))
        }
      }
      const command = ['--config', 'oxlint.config.ts', '--format', 'json', ...HOUSES.slice(0, -1)]
      const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/oxlint'), command, {
        cwd: copy,
        encoding: 'utf8',
        maxBuffer: 1e8,
      })
      const { diagnostics } = JSON.parse(stdout) as {
        diagnostics: { code: string; filename: string; message: string }[]
      }
      const refused = diagnostics
        .filter(({ code }) => code === 'eslint(no-restricted-imports)')
        .map(({ filename, message }) => {
          const [, specifier = ''] = /^'([^']+)'/.exec(message) ?? []
          return `${filename} → ${join(dirname(filename), specifier)}`
        })
      expect(refused.toSorted()).toEqual(expected.toSorted())
    })
  })
})
