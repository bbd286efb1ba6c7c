import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { disabledFunctions, disablesWithoutEffect } from '../../../shared/settings/disabled-functions.ts'
import { describeRole } from '../../../shared/role.ts'

const LISTS = join(import.meta.dirname, '..', '..', '..', 'infra', 'kubernetes', 'base')

/** The settings that a container gets from its role's .env file. */
function listOf(role: string): Record<string, string> {
  const lines = readFileSync(join(LISTS, `${role}.env`), 'utf8').matchAll(/^(\w+)=(.*)$/gm)
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]))
}

describe('a function is switched off', () => {
  test.each([
    'AzureWebJobs_placeOrder_Disabled',
    'AzureWebJobs.placeOrder.Disabled',
    'AZUREWEBJOBS_PLACEORDER_DISABLED',
  ])('by %s when it is true or 1', (name) => {
    expect([...disabledFunctions({ [name]: 'True' })]).toEqual(['placeorder'])
    expect([...disabledFunctions({ [name]: '1' })]).toEqual(['placeorder'])
    expect([...disabledFunctions({ [name]: 'false' })]).toEqual([])
    expect(disablesWithoutEffect({ [name]: 'true' })).toBeUndefined()
  })

  test('by its name with underscores', () => {
    expect([...disabledFunctions({ AzureWebJobs_my_function_Disabled: 'true' })]).toEqual(['my_function'])
  })

  test.each(['AzureWebJobs__placeOrder__Disabled', 'AzureWebJobs:placeOrder:Disabled'])(
    'but not by %s, which the runtime ignores, and one line says so',
    (name) => {
      expect([...disabledFunctions({ [name]: 'true' })]).toEqual([])
      expect(disablesWithoutEffect({ [name]: 'true' })).toBe(
        `${name} has no effect: write AzureWebJobs_placeOrder_Disabled, with one underscore on each side of the name.`,
      )
    },
  )

  test('names the first of many ineffective settings and counts the others', () => {
    const settings = {
      AzureWebJobs__a__Disabled: 'true',
      AzureWebJobs__b__Disabled: '1',
      AzureWebJobs__c__Disabled: 'true',
    }
    expect(disablesWithoutEffect(settings)).toMatch(/^AzureWebJobs__a__Disabled has no effect, nor do 2 other settings/)
    expect(disablesWithoutEffect({ AzureWebJobs__a__Disabled: 'false' })).toBeUndefined()
  })
})

describe('the functions that an instance serves are described in words', () => {
  test.each([
    ['order-api', 'Serves: placing orders. Switched off here: storing orders; queries and operations.'],
    ['order-processor', 'Serves: storing orders. Switched off here: placing orders; queries and operations.'],
    ['order-query', 'Serves: queries and operations. Switched off here: placing orders; storing orders.'],
  ])('%s', (role, told) => {
    expect(describeRole(disabledFunctions(listOf(role)), 3)).toBe(told)
    expect(disablesWithoutEffect(listOf(role))).toBeUndefined()
  })

  test('without any setting it serves everything', () => {
    expect(describeRole(new Set(), 3)).toBe('Serves: placing orders; storing orders; queries and operations.')
  })

  test('a retry tier that a list omits is shown', () => {
    expect(describeRole(disabledFunctions(listOf('order-api')), 4)).toContain(
      'storing orders (without consumeOrders, consumeRetry1, consumeRetry2, consumeRetry3, consumeDeadLetters)',
    )
  })
})
