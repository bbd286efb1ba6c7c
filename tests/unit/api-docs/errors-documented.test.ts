import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorsPage } from '../../../shared/pages/errors-page.ts'
import { OrderError, type ErrorCode } from '../../../shared/domain/errors.ts'
import { problemCodeOf, PROBLEMS, problemType, type ProblemCode } from '../../../shared/http/protocol/problem.ts'
import { classify } from '../../../shared/messaging/failure.ts'

/** The codes are read from the source text, because types do not exist at run time. */
const [, declaration = ''] =
  /export type ErrorCode =\n([\s\S]*?)\n\n/.exec(readFileSync('shared/domain/errors.ts', 'utf8')) ?? []
const codes = [...declaration.matchAll(/\| '([a-z-]+)'/g)].map(([, code]) => code as ErrorCode)

/** Unlike the other codes that have no class of their own, these are given to records that fail because of a bug. */
const OF_RECORDS: ReadonlySet<ErrorCode> = new Set(['internal', 'change-not-decided'])

const rows = readFileSync('docs/errors.md', 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, code]) => code?.startsWith('`') === true)
  .map(([, code = '', where, status, failureClass, meaning, remedy]) => {
    return { code: code.replaceAll('`', '') as ErrorCode, where, status, failureClass, meaning, remedy }
  })

describe('docs/errors.md', () => {
  it('has one row for every code, and no others', () => {
    expect(codes).toContain('internal')
    expect(rows.map(({ code }) => code).sort()).toEqual([...codes].sort())
  })

  it.each(rows)('states the HTTP status of $code', ({ code, status }) => {
    const problem = problemCodeOf(new OrderError(code, ''))
    const isAnswer = problem !== 'internal' || code === 'internal'
    expect(status).toBe(isAnswer ? String(PROBLEMS[problem].status) : '–')
  })

  it.each(rows)('states the failure class of $code', ({ code, failureClass }) => {
    const actual = classify(new OrderError(code, '')).class
    expect(failureClass).toBe(actual === 'bug' && !OF_RECORDS.has(code) ? '–' : actual)
  })

  it.each(rows)('states where $code appears, what it means and who fixes it', ({ where, meaning, remedy }) => {
    expect([where, meaning, remedy].every((text) => text !== undefined && text !== '')).toBe(true)
  })
})

describe('the page of problems', () => {
  const text = errorsPage()

  it.each(Object.keys(PROBLEMS) as ProblemCode[])('explains %s where its type leads', (code) => {
    const [path, anchor] = problemType(code).split('#')
    expect(path).toBe('/docs/errors')
    expect(text).toContain(`id="${anchor}"`)
    expect(text).toContain(PROBLEMS[code].title)
  })
})
