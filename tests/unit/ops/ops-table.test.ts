import { expect, test } from 'vitest'
import { table, toSecond } from '../../../infra/ops/table.ts'

const ROWS = [
  ['orders:0:1', 7, 'a long cause that goes on'],
  ['orders:10:123', 4711, null],
] as const

test('columns are as wide as their widest cell, numbers to the right', () => {
  expect(table(['id', 'attempts', 'cause'], ROWS, 80).split('\n')).toEqual([
    'id             attempts  cause',
    'orders:0:1            7  a long cause that goes on',
    'orders:10:123      4711  -',
  ])
})

test('no line is wider than a narrow terminal', () => {
  for (const width of [10, 25, 40]) {
    const lines = table(['id', 'attempts', 'cause'], ROWS, width).split('\n')
    expect(lines).toHaveLength(3)
    expect(Math.max(...lines.map((line) => line.length))).toBe(Math.min(width, 49))
  }
})

test('piped output is not truncated', () => {
  expect(table(['cause'], [['x'.repeat(500)]])).toContain('x'.repeat(500))
})

test('line breaks and control characters become spaces', () => {
  expect(table(['cause'], [['No such\nstreet \u001b[31m\u0000!']], 80)).toBe('cause\nNo such street  [31m !')
})

test('a narrow terminal shows the cause, and names the columns that do not fit', () => {
  const header = ['id', 'order', 'group', 'cause']
  const rows = [['orders:0:1', 'o'.repeat(36), 'order-processor', `internal: ${'x'.repeat(100)}`]]
  const [first, line, below, ...others] = table(header, rows, 60, ['group', 'order']).split('\n')
  expect(first).toBe('id          cause')
  expect(line).toMatch(/^orders:0:1  internal: x+…$/)
  expect(line).toHaveLength(60)
  expect([below, others]).toEqual(['(no room for: group, order)', []])
  expect(table(header, rows, 80, ['group', 'order'])).toContain('o'.repeat(36))
  expect(table(header, rows, 80, ['group', 'order'])).toContain('(no room for: group)')
  expect(table(header, rows, Number.POSITIVE_INFINITY, ['group', 'order'])).not.toContain('no room')
})

test('the last column takes no more room than its text', () => {
  const rows = [['orders:0:1', 'order-processor', null]]
  expect(table(['id', 'group', 'cause'], rows, 40, ['group'])).toContain('order-processor')
})

test('a time is shown to the second, and its zone stays', () => {
  expect(toSecond('2026-01-31T12:00:00.123Z')).toBe('2026-01-31T12:00:00Z')
})
