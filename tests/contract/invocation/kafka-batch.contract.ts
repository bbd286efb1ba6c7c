import { app, type InvocationContext } from '@azure/functions'
import { describe, expect, test } from 'vitest'
import type { InvocationPath } from '../../../infra/host/http/http-invocation.ts'
import { createKafkaInvocation } from '../../../infra/host/kafka/kafka-invocation.ts'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { loadApp } from '../../support/functions/function-host.ts'

/** What every invocation path guarantees about the records that a Kafka trigger gets. */
export function kafkaBatchContract(path: InvocationPath): void {
  describe('a batch of a Kafka trigger', () => {
    const record: LogRecord = {
      topic: '42',
      partition: 2,
      offset: 2 ** 32 + 7,
      timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 120),
      key: Buffer.from('00123'),
      value: Buffer.from('{"id":1}'),
      headers: [
        ['x-trace', Buffer.from('abc')],
        ['x-null', null],
      ],
    }
    const tombstone: LogRecord = { ...record, offset: 8, timestamp: 0, key: null, value: null, headers: [] }
    const event = {
      Offset: 4294967303,
      Partition: 2,
      Topic: '42',
      Timestamp: '2026-01-02T03:04:05.12Z',
      Value: '{"id":1}',
      LeaderEpoch: 0,
      IsPartitionEOF: false,
      Key: '00123',
      Headers: [
        { Key: 'x-trace', Value: 'YWJj' },
        { Key: 'x-null', Value: null },
      ],
    }

    async function seenByTrigger(records: readonly LogRecord[], many: boolean) {
      let seen: { events: unknown; context: InvocationContext } | undefined
      const { app: functionApp, get } = await loadApp(() =>
        app.generic('consume', {
          trigger: { type: 'kafkaTrigger', name: 'events' },
          handler: (events: unknown, context) => {
            seen = { events, context }
          },
        }),
      )
      const retryContext = { retryCount: 1, maxRetryCount: 3, exception: { message: 'm', stackTrace: 's', source: '' } }
      await createKafkaInvocation(functionApp, path)(get('consume'), records, many, retryContext)
      expect(seen?.context.retryContext).toEqual(retryContext)
      return { events: seen?.events, metadata: seen?.context.triggerMetadata }
    }

    test('is an array of envelopes with the extension’s parallel arrays, quirks included', async () => {
      expect(await seenByTrigger([record, tombstone], true)).toEqual({
        events: [
          event,
          { ...event, Offset: 8, Timestamp: '1970-01-01T00:00:00Z', Key: null, Value: null, Headers: [] },
        ],
        metadata: {
          partitionArray: [2, 2],
          offsetArray: [
            { low: 7, high: 1, unsigned: false },
            { low: 8, high: 0, unsigned: false },
          ],
          timestampArray: ['2026-01-02T03:04:05.12Z', '1970-01-01T00:00:00Z'],
          topicArray: [42, 42],
          keyArray: ['00123', null],
          headersArray: [
            [
              { key: 'x-trace', value: 'YWJj' },
              { key: 'x-null', value: null },
            ],
            [],
          ],
          leaderEpochArray: [0, 0],
          isPartitionEOFArray: [false, false],
        },
      })
    })

    test('is a single envelope with cardinality ONE', async () => {
      const { events, metadata } = await seenByTrigger([{ ...record, key: Buffer.from('7') }], false)
      expect(events).toEqual({ ...event, Key: '7' })
      expect(metadata).toMatchObject({ key: 7, topic: 42, offset: 4294967303, partition: 2 })
      expect((await seenByTrigger([tombstone], false)).metadata).not.toHaveProperty('key')
    })

    test('loses bytes that are not UTF-8, as the extension does', async () => {
      const { events } = await seenByTrigger([{ ...record, value: Buffer.from([0x61, 0xff]) }], true)
      expect(events).toMatchObject([{ Value: 'a\ufffd' }])
    })
  })
}
