import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { KafkaConnection } from '../../../shared/adapters/kafka/client/connection.ts'
import { createKafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import { openKafkaLog, skipsKafka } from '../../support/kafka/kafka-broker.ts'
import { record, topicOf, valuesOf } from '../../support/kafka/kafka-traffic.ts'
import { SCRAM_USER, startSecureBroker, type SecureBroker } from '../../support/kafka/secure-broker.ts'

const PASSWORD = 'a password: with "quotes" and = signs'
// The user name that Azure Event Hubs expects.
const USERNAME = '$ConnectionString'

describe.skipIf(skipsKafka)('a broker that asks for TLS and a password', () => {
  let secure: SecureBroker | undefined
  let ca = ''
  beforeAll(async () => {
    secure = await startSecureBroker({ username: USERNAME, password: PASSWORD })
    ca = secure.ca
  })
  afterAll(() => secure?.[Symbol.asyncDispose]())

  function open(connection: Partial<KafkaConnection>) {
    const opened = openKafkaLog([secure?.broker.address ?? ''], {
      publishTimeoutMs: 2000,
      kafka: { securityProtocol: 'sasl_ssl', username: USERNAME, password: PASSWORD, sslCa: ca, ...connection },
    })
    onTestFinished(() => opened.log[Symbol.asyncDispose]())
    return opened.log
  }

  it.each([
    { saslMechanism: 'plain' },
    { saslMechanism: undefined },
    { saslMechanism: 'scram-sha-256', ...SCRAM_USER },
    { saslMechanism: 'scram-sha-512', ...SCRAM_USER },
  ] as const)('is served with %o', async (connection) => {
    const log = open(connection)
    const topic = await topicOf(log, 1)
    await log.publish(topic, [record('kept')])
    expect(await valuesOf(log, topic)).toEqual(['kept'])
    const delivered = Promise.withResolvers<number>()
    await using _ = await log.subscribe({
      topic,
      groupId: topic,
      maxBatchSize: 10,
      onBatch: async (records) => delivered.resolve(records.length),
      onError: (error) => delivered.reject(error),
    })
    expect(await delivered.promise).toBe(1)
  })

  it('is trusted through a certificate authority given as text, with \\n for line breaks too', async () => {
    const pem = readFileSync(ca, 'utf8')
    for (const sslCa of [pem, pem.replaceAll('\n', String.raw`\n`)]) {
      expect(await open({ sslCa }).health()).toEqual({ available: true })
    }
  })

  it('is not trusted without its authority, and the reason is given', async () => {
    const log = open({ sslCa: undefined })
    expect(await log.health()).toMatchObject({
      available: false,
      cause: expect.stringMatching(/self-signed certificate/),
    })
  })

  it('refuses a wrong password, which is never repeated', async () => {
    const log = open({ saslMechanism: 'plain', password: 'mistaken' })
    const refused = await log.publish('orders', [record('x')]).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'log-unavailable', message: expect.stringMatching(/[Aa]uthentication/) })
    expect(String(refused)).not.toContain('mistaken')
    expect(await log.health()).toMatchObject({ available: false, cause: expect.stringMatching(/[Aa]uthentication/) })
  })

  it('requires a certificate authority file that can be read', () => {
    const kafka: KafkaConnection = {
      brokers: [secure?.broker.address ?? ''],
      securityProtocol: 'ssl',
      saslMechanism: undefined,
      username: undefined,
      password: undefined,
      sslCa: '/nowhere/ca.pem',
    }
    expect(() => createKafkaLog({ kafka, onWarning: () => undefined, onError: () => undefined })).toThrow(
      'KAFKA_SSL_CA is neither a certificate nor a file that can be read.',
    )
  })
})
