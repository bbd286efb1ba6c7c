import { InvocationContext } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import type { InvocationPath } from '../../../infra/host/http/http-invocation.ts'
import { answerOf, seenBy } from './invocation-steps.ts'

/** What every invocation path guarantees about the context of an invocation. */
export function contextContract(path: InvocationPath): void {
  describe('the context', () => {
    test('names the function and invocation and shows the bindings', async () => {
      const seen = await seenBy(
        path,
        (_, context) => ({
          isContext: context instanceof InvocationContext,
          functionName: context.functionName,
          invocationId: context.invocationId,
          retryContext: context.retryContext,
          triggerMetadata: context.triggerMetadata,
          options: context.options,
        }),
        {},
      )
      expect(seen).toMatchObject({
        isContext: true,
        functionName: 'probe',
        invocationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        options: {
          trigger: { type: 'httpTrigger', direction: 'in', methods: ['GET', 'POST'], authLevel: 'anonymous' },
          return: { type: 'http', direction: 'out', name: '$return' },
          extraInputs: [],
          extraOutputs: [],
        },
      })
      expect([seen.retryContext, seen.triggerMetadata]).toEqual([undefined, undefined])
    })

    test('carries values by the name of a binding', async () => {
      const seen = await seenBy(
        path,
        (_, { extraOutputs, extraInputs }) => {
          extraOutputs.set('out', 1)
          extraInputs.set('in', 2)
          return [extraOutputs.get('out'), extraInputs.get('in'), extraInputs.get('other')]
        },
        {},
      )
      expect(seen).toEqual([1, 2, undefined])
    })

    test('logs at each level with the invocation, and warns of lines that come too late', async () => {
      let late: InvocationContext | undefined
      const { lines } = await answerOf(path, (_, context) => {
        late = context
        context.log('plain %d', 1, { a: 1 })
        context.trace('t')
        context.debug('d')
        context.info('i')
        context.warn('w')
        context.error('e')
        return {}
      })
      expect(lines.map(({ level, message }) => [level, message])).toEqual([
        ['info', 'plain 1 { a: 1 }'],
        ['trace', 't'],
        ['debug', 'd'],
        ['info', 'i'],
        ['warn', 'w'],
        ['error', 'e'],
      ])
      expect(lines[0]?.fields).toEqual({ category: 'user', function: 'probe', invocation: late?.invocationId })
      late?.log('late')
      expect(lines.slice(6).map(({ level, message }) => [level, message])).toEqual([
        ['warn', expect.stringMatching(/^Warning: Unexpected call to 'log'.*Function name: probe\. Invocation Id: /)],
        ['info', 'late'],
      ])
    })
  })
}
