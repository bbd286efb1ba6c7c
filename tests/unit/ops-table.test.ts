import { expect, test } from 'vitest'
import { table } from '../../infra/ops/table.ts'

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

test('what is piped on is not cut', () => {
  expect(table(['cause'], [['x'.repeat(500)]])).toContain('x'.repeat(500))
})

test('what would end a line or steer a terminal is a space', () => {
  expect(table(['cause'], [['No such\nstreet \u001b[31m\u0000!']], 80)).toBe('cause\nNo such street  [31m !')
})
