import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { KafkaConnection } from '../../shared/adapters/kafka/connection.ts'
import { createKafkaLog } from '../../shared/adapters/kafka/kafka-log.ts'
import { openKafkaLog, skipsKafka, startTestBroker, type TestBroker } from '../support/kafka-broker.ts'
import { record, topicOf, valuesOf } from '../support/kafka-traffic.ts'

const PASSWORD = 'a password: with "quotes" and = signs'
// As Azure Event Hubs spells it.
const USERNAME = '$ConnectionString'

/** A certificate for localhost that nobody but its own authority vouches for, made by the JDK's keytool. */
function makeCertificate(directory: string) {
  const keystore = join(directory, 'broker.p12')
  const common = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'broker']
  const key = ['-genkeypair', '-keyalg', 'RSA', '-keysize', '2048', '-validity', '2', '-dname', 'CN=localhost']
  execFileSync('keytool', [...key, '-ext', 'san=dns:localhost', ...common], { stdio: 'pipe' })
  const ca = join(directory, 'ca.pem')
  execFileSync('keytool', ['-exportcert', '-rfc', '-file', ca, ...common], { stdio: 'pipe' })
  return { keystore, ca }
}

describe.skipIf(skipsKafka)('a broker that asks for TLS and a password', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kafka-tls-'))
  let broker: TestBroker | undefined
  let ca = ''
  beforeAll(async () => {
    const certificate = makeCertificate(directory)
    ca = certificate.ca
    const quoted = PASSWORD.replaceAll('"', String.raw`\"`)
    const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
    broker = await startTestBroker({
      protocol: 'SASL_SSL',
      properties: {
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'sasl.mechanism.inter.broker.protocol': 'PLAIN',
        'listener.name.sasl_ssl.plain.sasl.jaas.config': `${plain} username="broker" password="between" user_broker="between" "user_${USERNAME}"="${quoted}";`,
        'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'ssl.keystore.type': 'PKCS12',
        'ssl.keystore.location': certificate.keystore,
        'ssl.keystore.password': 'changeit',
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': ca,
      },
      format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=scrammed,password=secret]`,
      ]),
    })
  })
  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true })
  })

  function open(connection: Partial<KafkaConnection>) {
    const opened = openKafkaLog([broker?.address ?? ''], {
      publishTimeoutMs: 2000,
      kafka: { securityProtocol: 'sasl_ssl', username: USERNAME, password: PASSWORD, sslCa: ca, ...connection },
    })
    onTestFinished(() => opened.log[Symbol.asyncDispose]())
    return opened.log
  }

  it.each([
    { saslMechanism: 'plain' },
    { saslMechanism: undefined },
    { saslMechanism: 'scram-sha-256', username: 'scrammed', password: 'secret' },
    { saslMechanism: 'scram-sha-512', username: 'scrammed', password: 'secret' },
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

  it('is known by a certificate authority given as text, with its lines written as \\n too', async () => {
    const pem = readFileSync(ca, 'utf8')
    for (const sslCa of [pem, pem.replaceAll('\n', String.raw`\n`)]) {
      expect(await open({ sslCa }).health()).toEqual({ available: true })
    }
  })

  it('is not trusted without its authority, and says why', async () => {
    const log = open({ sslCa: undefined })
    expect(await log.health()).toMatchObject({
      available: false,
      cause: expect.stringMatching(/self-signed certificate/),
    })
  })

  it('lets nobody in with a wrong password, and never repeats it', async () => {
    const log = open({ saslMechanism: 'plain', password: 'mistaken' })
    const refused = await log.publish('orders', [record('x')]).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'log-unavailable', message: expect.stringMatching(/[Aa]uthentication/) })
    expect(String(refused)).not.toContain('mistaken')
    expect(await log.health()).toMatchObject({ available: false, cause: expect.stringMatching(/[Aa]uthentication/) })
  })

  it('needs a certificate authority that can be read', () => {
    const kafka: KafkaConnection = {
      brokers: [broker?.address ?? ''],
      securityProtocol: 'ssl',
      saslMechanism: undefined,
      username: undefined,
      password: undefined,
      sslCa: join(directory, 'nowhere.pem'),
    }
    expect(() => createKafkaLog({ kafka, onWarning: () => undefined, onError: () => undefined })).toThrow(
      'KAFKA_SSL_CA is neither a certificate nor a file that can be read.',
    )
  })
})
