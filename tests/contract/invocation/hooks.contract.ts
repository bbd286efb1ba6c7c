import { app } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import { createHttpInvocation, type InvocationPath } from '../../../infra/host/http/http-invocation.ts'
import { loadApp, routed } from '../../support/functions/function-host.ts'
import { answerOf } from './invocation-steps.ts'

/** What every invocation path guarantees about errors, and about hooks around a function. */
export function hooksContract(path: InvocationPath): void {
  describe('errors and hooks', () => {
    test('an error that the function throws is rethrown unchanged; undefined and null are not errors', async () => {
      const failure = new Error('broken')
      await expect(answerOf(path, () => Promise.reject(failure))).rejects.toBe(failure)
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a function may do this
      await expect(answerOf(path, () => Promise.reject('text'))).rejects.toBe('text')
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a function may do this
      expect((await answerOf(path, () => Promise.reject(undefined))).answer.status).toBe(204)
    })

    test('hooks run in order around the function and may replace its inputs, handler and outcome', async () => {
      const order: string[] = []
      const { app: functionApp, get } = await loadApp(() => {
        app.hook.preInvocation((context) => {
          order.push('before 1')
          context.hookData['seen'] = context.invocationContext.functionName
        })
        app.hook.preInvocation(async (context) => {
          await Promise.resolve()
          order.push(`before 2 ${String(context.hookData['seen'])}`)
          context.inputs = ['input of a hook']
          const { invocationContext } = context
          invocationContext.triggerMetadata = { from: 'a hook' }
          invocationContext.options = { ...invocationContext.options }
          const handler = context.functionHandler
          context.functionHandler = (...inputs) => handler(...inputs)
        })
        app.hook.postInvocation((context) => {
          order.push(`after ${String(context.error)}`)
          context.error = undefined
          context.result = { status: 418 }
        })
        app.http('probe', {
          handler: (request, { triggerMetadata }) => {
            const input: unknown = request
            order.push(`function ${String(input)}, metadata from ${String(triggerMetadata?.['from'])}`)
            throw new Error('hidden by a hook')
          },
        })
      })
      const { status } = await createHttpInvocation(functionApp, path)(get('probe'), routed())
      expect(status).toBe(418)
      expect(order).toEqual([
        'before 1',
        'before 2 probe',
        'function input of a hook, metadata from a hook',
        'after Error: hidden by a hook',
      ])
    })

    test("a log hook sees every line and may change the user's lines", async () => {
      const {
        app: functionApp,
        get,
        lines,
      } = await loadApp(() => {
        app.hook.log((context) => {
          context.message = `${context.category}: ${context.message} of ${context.invocationContext?.functionName}`
          context.level = 'warning'
        })
        app.http('probe', {
          handler: (_, context) => {
            context.log('hello')
            return {}
          },
        })
      })
      await createHttpInvocation(functionApp, path)(get('probe'), routed())
      expect(lines).toMatchObject([{ level: 'warn', message: 'user: hello of probe' }])
    })
  })
}
