import { describe, expect, it } from 'vitest'
import { createKeyCheck } from '../../../infra/host/http/function-keys.ts'
import { readConfig } from '../../../shared/settings/config.ts'
import { narrowKeys, rightFor } from '../../../shared/http/rights.ts'
import { ROUTES, type Route } from '../../../shared/http/routes.ts'

const KEYS = {
  METRICS_KEY: 'the key of the scraper',
  PLACE_KEY: 'the key of the shop',
  READ_KEY: 'the key of the auditor',
}
const MASTER = 'the key of the operators'
const check = createKeyCheck(MASTER, narrowKeys(readConfig(KEYS, 'embedded')))

function opened(key: string): string[] {
  const verdicts = Object.keys(ROUTES).map((name) => ({
    name,
    verdict: check({ 'x-functions-key': key }, '', { name, authLevel: 'function' }),
  }))
  expect(new Set(verdicts.map(({ verdict }) => verdict)).has('unknown')).toBe(false)
  return verdicts.filter(({ verdict }) => verdict === 'granted').map(({ name }) => name)
}

const named = (isOne: (route: Route, name: string) => boolean) =>
  Object.entries<Route>(ROUTES)
    .filter(([name, route]) => isOne(route, name))
    .map(([name]) => name)

describe('a key', () => {
  it('of the operators opens everything, admin routes too', () => {
    expect(opened(MASTER)).toEqual(Object.keys(ROUTES))
    expect(check({ 'x-functions-key': MASTER }, '', { name: 'opsStatus', authLevel: 'admin' })).toBe('granted')
  })

  it('for metrics opens only them', () => {
    expect(opened(KEYS.METRICS_KEY)).toEqual(['metrics'])
  })

  it('for placing orders opens the routes that place and change them', () => {
    expect(opened(KEYS.PLACE_KEY)).toEqual(['placeOrder', 'placeOrderOriginal', 'amendOrder', 'cancelOrder'])
  })

  it('for reading opens every GET, and nothing that changes anything', () => {
    expect(opened(KEYS.READ_KEY)).toEqual(named(({ methods }) => methods.includes('GET')))
  })

  it('with some rights opens nothing of authLevel admin, and no foreign function', () => {
    for (const key of Object.values(KEYS)) {
      const headers = { 'x-functions-key': key }
      expect(check(headers, '', { name: 'metrics', authLevel: 'admin' })).toBe('refused')
      expect(check(headers, '', { name: 'somebodyElses', authLevel: 'function' })).toBe('refused')
    }
  })

  it('is read from the header, otherwise from the query; an unknown one does not count', () => {
    const wanted = { name: 'metrics', authLevel: 'function' }
    expect(check({}, `code=${encodeURIComponent(KEYS.METRICS_KEY)}`, wanted)).toBe('granted')
    expect(check({}, `code=${encodeURIComponent(KEYS.PLACE_KEY)}`, wanted)).toBe('refused')
    expect(check({}, '', wanted)).toBe('unknown')
    expect(check({ 'x-functions-key': '' }, '', wanted)).toBe('unknown')
    expect(check({ 'x-functions-key': 'another key' }, '', wanted)).toBe('unknown')
  })
})

describe('a setting that is not there', () => {
  it('opens nothing', () => {
    expect(narrowKeys(readConfig({ METRICS_KEY: KEYS.METRICS_KEY, READ_KEY: '' }, 'embedded'))).toHaveLength(1)
  })
})

describe('the right that a route asks for', () => {
  it('is to operate wherever something is changed, except for placing and changing orders', () => {
    const changing = named(({ methods, access }) => !methods.includes('GET') && access !== 'orders')
    expect([...new Set(changing.map(rightFor))]).toEqual(['operate'])
  })
})
