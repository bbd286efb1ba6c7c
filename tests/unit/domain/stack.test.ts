import { describe, expect, it } from 'vitest'
import { exceptionOf, ownFrame } from '../../../shared/domain/stack.ts'

const STACK = `TypeError: Cannot read properties of undefined (reading 'price')
    at Object.parse (node:internal/json:12:3)
    at async decode (/srv/app/node_modules/@azure/functions/index.js:7:1)
    at async toOrder (file:///srv/app/shared/messaging/envelope.ts:41:17)
    at run (file:///srv/app/shared/application/store-orders.ts:90:5)
Caused by: Error: inner
    at inner (file:///srv/app/functions/consume-orders.ts:1:1)`

describe('the exception of a stack', () => {
  it('is its first line, with the first frame of ours', () => {
    expect(exceptionOf(STACK)).toBe(
      "TypeError: Cannot read properties of undefined (reading 'price') at toOrder shared/messaging/envelope.ts:41",
    )
  })

  it.each([
    ['in the package', 'Error: x\n    at f (/srv/app/dist/shared/a/b.js:3:1)', 'Error: x at f shared/a/b.js:3'],
    ['without a name', 'Error: x\n    at file:///srv/app/functions/a.ts:3:1', 'Error: x at functions/a.ts:3'],
    [
      'of another consumer',
      'java.lang.IllegalStateException: no\n\tat com.example.Billing.charge(Billing.java:31)\n\tat com.example.Main.run(Main.java:2)',
      'java.lang.IllegalStateException: no at com.example.Billing.charge(Billing.java:31)',
    ],
    ['without frames', 'Error: nothing more', 'Error: nothing more'],
    ['whose message names our code', 'Error: /shared/x\n    at f (node:fs:1:1)', 'Error: /shared/x at f (node:fs:1:1)'],
  ])('is found %s', (_, stack, expected) => {
    expect(exceptionOf(stack)).toBe(expected)
  })

  it('is truncated when a message is long, and null without a stack', () => {
    expect(exceptionOf(`Error: ${'x'.repeat(5000)}`)).toHaveLength(201)
    expect(exceptionOf(null)).toBeNull()
  })

  it('has no frame when the stack has none of ours', () => {
    expect(ownFrame('Error: x\n    at f (node:fs:1:1)')).toBeUndefined()
  })
})
