import { app, type FunctionHandler, type GenericFunctionOptions } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import { parseHostJson } from '../../../infra/host/host-json.ts'
import { OrderError } from '../../../shared/domain/errors.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { startHost } from '../../support/functions/function-host.ts'

const record = (offset: number, partition = 0): LogRecord => ({
  topic: 'orders',
  partition,
  offset,
  timestamp: 0,
  key: null,
  value: Buffer.from(String(offset)),
  headers: [],
})

function kafka(handler: (events: never) => unknown, more: object = {}, retry?: GenericFunctionOptions['retry']) {
  return () => {
    const trigger = { type: 'kafkaTrigger', topic: '%TOPIC%', consumerGroup: 'group', dataType: 'string', ...more }
    app.generic('consume', {
      trigger: { name: 'events', ...trigger },
      handler: handler as unknown as FunctionHandler,
      ...(retry !== undefined && { retry }),
    })
  }
}

const MANY = { cardinality: 'MANY' }
const settings = { TOPIC: 'orders' }

/** A host with one Kafka trigger, and the trigger's subscription. */
async function startSubscribed() {
  const host = await startHost(
    kafka(() => undefined, MANY),
    { settings },
  )
  return Object.assign(host, { subscription: host.consumer.subscriptions[0]?.subscription })
}

describe('a Kafka trigger', () => {
  test('subscribes with its settings resolved and the batch size of host.json', async () => {
    await using host = await startSubscribed()
    expect(host.subscription).toMatchObject({ topic: 'orders', groupId: 'group', maxBatchSize: 64 })
  })

  test('reports unreadable batches in a line of their own, with what to do', async () => {
    await using host = await startSubscribed()
    const why = 'The batch at offsets 3 to 4 of orders, partition 1, is unreadable: its checksum does not match.'
    host.subscription?.onError(new OrderError('log-unreadable', why, { unreadable: { from: 3, to: 5 } }))
    host.subscription?.onError(new Error('Something else.'))
    const unreadable = { event: 'delivery:unreadable', function: 'consume', topic: 'orders', from: 3, to: 5 }
    expect(host.lines.filter(({ level }) => level === 'error')).toEqual([
      {
        level: 'error',
        fields: expect.objectContaining(unreadable),
        message: expect.stringMatching(/partition 1.*runbook/),
      },
      { level: 'error', fields: expect.objectContaining({ event: 'trigger:broken' }), message: expect.any(String) },
    ])
  })

  test('reports skipped batches separately, because nothing waits behind them', async () => {
    await using host = await startSubscribed()
    const why = 'The log is damaged at orders 1:3–4: the checksum does not match.'
    host.subscription?.onError(
      new OrderError('log-unreadable', why, { unreadable: { from: 3, to: 5 }, isPassedOver: true }),
    )
    const passedOver = { event: 'delivery:passed-over', function: 'consume', topic: 'orders', from: 3, to: 5 }
    const [line, ...more] = host.lines.filter(({ level }) => level === 'error')
    expect(more).toEqual([])
    expect(line).toMatchObject({ fields: passedOver, message: expect.stringContaining(why) as string })
    expect(line?.message).toMatch(/continues after it; see "Damage in the log"/)
    expect(line?.message).not.toMatch(/waits|cannot be read/)
  })

  test('commits a batch that its function accepted', async () => {
    const batches: number[][] = []
    await using host = await startHost(
      kafka((events: { Offset: number }[]) => void batches.push(events.map(({ Offset }) => Offset)), MANY),
      { settings },
    )
    await host.consumer.deliver([record(1), record(2)])
    expect(batches).toEqual([[1, 2]])
  })

  test('runs a batch again by the retry policy, each attempt an invocation of its own', async () => {
    const invocations: string[] = []
    await using host = await startHost(
      () =>
        app.generic('consume', {
          trigger: {
            type: 'kafkaTrigger',
            name: 'e',
            topic: 'orders',
            consumerGroup: 'g',
            dataType: 'string',
            ...MANY,
          },
          retry: { strategy: 'fixedDelay', delayInterval: { milliseconds: 400 }, maxRetryCount: 5 },
          handler: (_, context) => {
            invocations.push(context.invocationId)
            if (context.retryContext?.retryCount !== 2) throw new Error('not yet')
          },
        }),
      { settings },
    )
    await host.consumer.deliver([record(1)])
    expect([invocations.length, new Set(invocations).size]).toEqual([3, 3])
  })

  test.each([{}, { cardinality: 'ONE' }])('delivers one event at a time, in order, with %o', async (more) => {
    const seen: string[] = []
    await using host = await startHost(
      kafka(async ({ Partition, Offset }: { Partition: number; Offset: number }) => {
        seen.push(`begins ${Partition}:${Offset}`)
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(`ends ${Partition}:${Offset}`)
      }, more),
      { settings },
    )
    await host.consumer.deliver([record(1, 0), record(1, 1), record(2, 0), record(2, 1)])
    expect(seen).toEqual(['0:1', '1:1', '0:2', '1:2'].flatMap((place) => [`begins ${place}`, `ends ${place}`]))
  })

  test('counts an invocation that exceeds functionTimeout as failed', async () => {
    const hostJson = parseHostJson({ functionTimeout: '00:00:00', extensions: { http: { routePrefix: '' } } })
    await using host = await startHost(
      kafka(() => new Promise(() => undefined), MANY),
      { settings, hostJson },
    )
    await host.consumer.deliver([record(1)])
    const [given] = host.lines.filter(({ level }) => level === 'error')
    expect(given?.fields['err']).toMatchObject({ message: 'The function consume exceeded its functionTimeout of 0 s.' })
  })

  test('interrupts the wait for the next attempt when the host closes, and commits nothing', async () => {
    const retry = { strategy: 'fixedDelay', delayInterval: { hours: 1 }, maxRetryCount: -1 } as const
    const register = kafka(
      () => {
        throw new Error('always')
      },
      MANY,
      retry,
    )
    const host = await startHost(register, { settings })
    const delivery = host.consumer.deliver([record(1)])
    const outcome = delivery.catch((error: unknown) => error)
    await expect.poll(() => host.lines.map(({ fields }) => fields['event'])).toContain('trigger:failed')
    expect(host.host.unfinished()).toEqual(['a batch of consume'])
    await host.host.close()
    expect(await outcome).toMatchObject({ name: 'AbortError' })
    expect(host.host.unfinished()).toEqual([])
  })

  test.each([
    [{ dataType: 'binary' }, /dataType 'string'/],
    [{ consumerGroup: '' }, /has no consumerGroup/],
    [{ topic: '%MISSING%' }, /'%MISSING%' does not resolve/],
  ])('with %o is refused', async (more, message) => {
    await expect(
      startHost(
        kafka(() => undefined, more),
        { settings },
      ),
    ).rejects.toThrow(message)
  })
})

describe('functions', () => {
  test('of a trigger type that this host lacks are skipped with a warning', async () => {
    await using host = await startHost(() => app.timer('tick', { schedule: '* * * * *', handler: () => undefined }))
    expect(host.host.functions).toEqual([])
    expect(host.lines).toMatchObject([{ level: 'warn', message: 'tick is skipped: this host has no timerTrigger' }])
  })

  test.each(['AzureWebJobs_ONE_Disabled', 'AzureWebJobs.one.Disabled'])('that %s disables are absent', async (name) => {
    const register = () => {
      app.http('one', { handler: () => ({}) })
      app.http('two', { handler: () => ({}) })
    }
    await using host = await startHost(register, { settings: { [name]: '1' } })
    expect(host.host.functions).toEqual(['two'])
  })

  test('are reached by name without a route, or with an empty one, and under the prefix of host.json', async () => {
    const register = () => {
      app.http('bare', { handler: () => ({}) })
      app.http('empty', { route: '', handler: () => ({}) })
    }
    await using host = await startHost(register, { hostJson: parseHostJson({}) })
    const statuses = await Promise.all(
      ['/api/bare', '/api/empty', '/api/', '/bare'].map(async (path) => (await fetch(host.url + path)).status),
    )
    expect(statuses).toEqual([200, 200, 404, 404])
  })

  test('whose route this host cannot serve stop it from starting', async () => {
    const register = () => app.http('getFile', { route: 'files/{name}.{extension}', handler: () => ({}) })
    await expect(startHost(register)).rejects.toThrow(
      'The route "files/{name}.{extension}" of the function getFile cannot be served: this host does not support "{name}.{extension}", because a segment is either text or one parameter; write {name} and parse its value in the function.',
    )
  })

  test('cannot share a name, nor be registered after the start', async () => {
    const register = () => app.http('same', { handler: () => ({}) })
    await expect(
      startHost(() => {
        register()
        register()
      }),
    ).rejects.toThrow('A function with id "same" has already been registered.')
    await using _host = await startHost(() => undefined)
    expect(register).toThrow('A function can only be registered during app startup.')
  })

  test('start with the hooks of the start, after all of them are registered', async () => {
    const order: string[] = []
    await using _host = await startHost(() => {
      app.hook.appStart(async () => {
        await Promise.resolve()
        order.push('started')
      })
      app.http('one', { handler: () => ({}) })
      order.push('registered')
    })
    expect(order).toEqual(['registered', 'started'])
  })
})
