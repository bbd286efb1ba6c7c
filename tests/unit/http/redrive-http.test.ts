import { HttpRequest } from '@azure/functions'
import { describe, expect, it } from 'vitest'
import { actOf, readActBody, requiredReasonBody } from '../../../shared/http/acts.ts'
import { discardBody, requiredReason, toLetterFilter } from '../../../shared/http/dead-letters.ts'
import { redriveBody, redriveLetterBody } from '../../../shared/http/redrives.ts'

function request(body?: string, headers: Record<string, string> = {}): HttpRequest {
  return new HttpRequest({
    method: 'POST',
    url: 'http://localhost/api/dead-letters/redrive',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: { string: body } }),
  })
}

const whichOf = async (body: unknown) => {
  return toLetterFilter(await readActBody(request(JSON.stringify(body)), redriveBody))
}

describe('the body of a redrive', () => {
  it.each([
    [{ ids: ['orders:0:1'] }, { ids: ['orders:0:1'] }],
    [{ all: true }, {}],
    [{ foreign: false }, { foreign: false }],
    [
      { fingerprint: 'f', code: 'invalid-order' },
      { fingerprint: 'f', code: 'invalid-order' },
    ],
    [{ from: '2026-01-01T01:00:00+01:00' }, { from: '2026-01-01T00:00:00.000Z' }],
  ])('%j says which letters', async (body, which) => {
    expect(await whichOf(body)).toEqual(which)
  })

  it.each([
    ['is empty', {}],
    ['has a member that is misspelt', { fingerprints: 'f' }],
    ['has one beside others', { all: true, dryrun: true }],
    ['says it is not all', { all: false }],
    ['has all and one kind', { all: true, foreign: false }],
    ['has ids and a filter', { ids: ['orders:0:1'], fingerprint: 'f' }],
    ['has all and a filter', { all: true, code: 'invalid-order' }],
    ['has no ids in its ids', { ids: [] }],
    ['has a rate of nothing', { all: true, ratePerSecond: 0 }],
    ['has a rate beyond the largest', { all: true, ratePerSecond: 501 }],
    ['has a time that is none', { from: 'yesterday' }],
    ['is no object', []],
  ])('is refused when it %s', async (_, body) => {
    await expect(whichOf(body)).rejects.toMatchObject({ code: 'invalid-request' })
  })

  it('is read whenever there may be one, and an absent one is empty', async () => {
    expect(await readActBody(request(), redriveLetterBody)).toEqual({ dryRun: false })
    const empty = request(undefined, { 'content-length': '0', 'content-type': 'application/json' })
    expect(await readActBody(empty, redriveLetterBody)).toEqual({ dryRun: false })
    // HTTP/2 requires neither a length nor an encoding.
    expect(await readActBody(request('{"dryRun":true}'), redriveLetterBody)).toEqual({ dryRun: true })
  })

  it.each([{}, { reason: '' }, { reason: '  ' }, { reason: 'x'.repeat(501) }, { reason: 1 }, { why: 'x' }])(
    'with %j has no valid reason for a discard',
    async (body) => {
      await expect(readActBody(request(JSON.stringify(body)), requiredReasonBody)).rejects.toMatchObject({
        code: 'invalid-request',
      })
    },
  )
})

describe('the body of a discard of many', () => {
  it('names the letters and the reason, and must not be ambiguous', async () => {
    const read = (body: unknown) => readActBody(request(JSON.stringify(body)), discardBody)
    const body = await read({ fingerprint: 'f', reason: 'A load test.' })
    expect([toLetterFilter(body), requiredReason(body)]).toEqual([{ fingerprint: 'f' }, 'A load test.'])
    for (const wrong of [
      { all: true, reason: '' },
      { all: true, dryrun: true },
      { all: true, ratePerSecond: 1 },
      { fingerprint: 'f', reason: 1 },
    ]) {
      await expect(read(wrong)).rejects.toMatchObject({ code: 'invalid-request' })
    }
    const without = await read({ all: true })
    expect(() => requiredReason(without)).toThrow('The reason must be given, unless this is a dry run.')
  })
})

describe('the operator of an action', () => {
  const principal = Buffer.from(
    JSON.stringify({ userId: 'u1', userDetails: 'kim@example.com', identityProvider: 'aad', userRoles: [] }),
  ).toString('base64')
  const signedIn = { 'x-ms-client-principal': principal }

  it.each([
    ['the principal, where the platform signs people in', signedIn, true, 'kim@example.com', true],
    ['the principal, whatever else is claimed', { ...signedIn, 'x-operator': 'Eve' }, true, 'kim@example.com', true],
    [
      'what is claimed, where a caller could write the principal',
      { ...signedIn, 'x-operator': 'Eve' },
      false,
      'Eve',
      false,
    ],
    ['what is claimed, when nobody is signed in', { 'x-operator': ' Kim ' }, true, 'Kim', false],
    ['unknown, when nobody says', {}, false, 'unknown', false],
    ['unknown, for a name of blanks', { 'x-operator': '  ' }, false, 'unknown', false],
  ])('is %s', (_, headers, platformSignsIn, operator, verified) => {
    expect(actOf(request(undefined, headers), 'why', { platformSignsIn })).toMatchObject({
      operator,
      verified,
      reason: 'why',
    })
  })

  it('is limited to a hundred characters', () => {
    const { operator } = actOf(request(undefined, { 'x-operator': 'x'.repeat(500) }), undefined, {
      platformSignsIn: false,
    })
    expect(operator).toHaveLength(100)
  })
})
