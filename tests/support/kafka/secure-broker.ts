import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestBroker, type TestBroker } from './kafka-broker.ts'

/** A broker that accepts only SASL over TLS, with a certificate from its own authority. */
export interface SecureBroker extends AsyncDisposable {
  readonly broker: TestBroker
  /** The authority's certificate, as a PEM file. */
  readonly ca: string
}

/** The only user who can sign in with SCRAM, with either hash function. */
export const SCRAM_USER = { username: 'scrammed', password: 'secret' } as const

export async function startSecureBroker(plain: { username: string; password: string }): Promise<SecureBroker> {
  const directory = mkdtempSync(join(tmpdir(), 'kafka-tls-'))
  const { keystore, ca } = makeCertificate(directory)
  const quoted = plain.password.replaceAll('"', String.raw`\"`)
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  const broker = await startTestBroker({
    protocol: 'SASL_SSL',
    properties: {
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.sasl_ssl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="between" user_broker="between" "user_${plain.username}"="${quoted}";`,
      'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': scram,
      'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': scram,
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.location': keystore,
      'ssl.keystore.password': 'changeit',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': ca,
    },
    format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${SCRAM_USER.username},password=${SCRAM_USER.password}]`,
    ]),
  })
  return {
    broker,
    ca,
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    },
  }
}

/** Creates a certificate for localhost, signed by its own authority, with the JDK's keytool. */
function makeCertificate(directory: string) {
  const keystore = join(directory, 'broker.p12')
  const common = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'broker']
  const key = ['-genkeypair', '-keyalg', 'RSA', '-keysize', '2048', '-validity', '2', '-dname', 'CN=localhost']
  execFileSync('keytool', [...key, '-ext', 'san=dns:localhost', ...common], { stdio: 'pipe' })
  const ca = join(directory, 'ca.pem')
  execFileSync('keytool', ['-exportcert', '-rfc', '-file', ca, ...common], { stdio: 'pipe' })
  return { keystore, ca }
}
