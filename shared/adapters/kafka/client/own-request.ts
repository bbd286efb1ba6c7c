import { createRequire } from 'node:module'
import type { Cluster } from './cluster.ts'
import type { Encoder } from './encoder.ts'

/** Sends requests that kafkajs 2.2.4 does not support, over kafkajs's connections. */

/** The internal members of a kafkajs broker that these requests need. */
interface AskedBroker {
  /** The versions that the broker supports, by API key. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>
  readonly connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> }
}

/** A request for one version of an API, with the decoder for its response. */
export interface Exchange<T> {
  readonly request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<Encoder> }
  readonly response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> }
}

const protocol = createRequire(import.meta.url)('kafkajs/src/protocol/error') as {
  readonly createErrorFromCode: (code: number) => Error
}

/** The error for a response's error code; undefined for code 0, which means success. */
export function protocolError(code: number): Error | undefined {
  return code === 0 ? undefined : protocol.createErrorFromCode(code)
}

/**
 * Sends the request to any connected broker. Resolves with undefined if the broker does not support the request's
 * version.
 */
export async function sendOwn<T>(cluster: Cluster, exchange: Exchange<T>): Promise<T | undefined> {
  const { brokerPool } = cluster as Cluster & { brokerPool: { findConnectedBroker(): Promise<AskedBroker> } }
  const broker = await brokerPool.findConnectedBroker()
  const { apiKey, apiVersion } = exchange.request
  if ((broker.versions[apiKey]?.maxVersion ?? -1) < apiVersion) return undefined
  return broker.connectionPool.send(exchange)
}
