import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** The events that the sources log: in a line of their own, or passed to a function that writes the line. */
function eventsIn(source: string): string[] {
  return [...source.matchAll(/(?:event: |\b(?:warn|debug|lineOf)\()'([a-z-]+:[a-z-]+)'/g)].map(([, name = '']) => name)
}

test('docs/operations.md explains every event in the log, and no others', () => {
  const sources = globSync(['functions/**/*.ts', 'infra/**/*.ts', 'shared/**/*.ts'], { cwd: ROOT })
  const logged = new Set(sources.flatMap((source) => eventsIn(readFileSync(join(ROOT, source), 'utf8'))))
  expect(logged).toContain('order:accepted')
  const [, table = ''] =
    /\n\| `event` .*\n((?:\|.*\n)+)/.exec(readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')) ?? []
  const names = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)])
  expect(names.map(([, name = '']) => name).toSorted()).toEqual([...logged].toSorted())
})
