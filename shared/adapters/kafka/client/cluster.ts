import type { Broker as KafkajsBroker, Cluster as KafkajsCluster, Kafka } from 'kafkajs'
import { createLazy, type Lazy } from './lazy.ts'
import { decodeFetchResponse, type FetchResponse } from '../fetch/fetch-response.ts'

/**
 * kafkajs's internal interface for reading a partition without joining a group. The public API requires a group for
 * each read, which costs a rebalance of several seconds, needs a permission for the group, and leaves the group on the
 * broker. kafkajs is pinned to the version for which this code was written.
 */
export type Cluster = Omit<KafkajsCluster, 'findBroker'> & {
  findBroker(node: { nodeId: string }): Promise<Broker>
}

type FetchRequest = Parameters<KafkajsBroker['fetch']>[0]
type TopicPartitions<P> = readonly { readonly topic: string; readonly partitions: readonly P[] }[]

export interface Broker extends Omit<KafkajsBroker, 'fetch'> {
  fetch(request: FetchRequest): Promise<Pick<FetchResponse, 'responses'>>
  listOffsets(request: {
    readonly isolationLevel: number
    readonly topics: TopicPartitions<{ readonly partition: number; readonly timestamp: number }>
  }): Promise<{ readonly responses: TopicPartitions<{ readonly partition: number; readonly offset: string }> }>
}

export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1

type CreateCluster = (options: object) => Cluster

/** A cluster that connects on first use. */
export function createLazyCluster(client: Kafka, onError: (error: unknown) => void): Lazy<Cluster> {
  const { create } = clusterFactory(client)
  const options = { metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED }
  return createLazy(
    async () => {
      const cluster = create.call(client, options)
      await cluster.connect()
      return cluster
    },
    (cluster) => cluster.disconnect(),
    onError,
  )
}

function clusterFactory(client: Kafka): { name: symbol; create: CreateCluster } {
  const name = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create: unknown = name === undefined ? undefined : Reflect.get(client, name)
  if (name === undefined || typeof create !== 'function') {
    throw new Error('This version of kafkajs has no private method createCluster.')
  }
  return { name, create: create as CreateCluster }
}

/**
 * Replaces kafkajs's decoder for fetch responses in this client and its consumers. kafkajs 2.2.4 fails a whole fetch
 * because of one batch that it cannot decompress, delivers records of aborted transactions, and never gets past an
 * empty batch (decision 019). kafkajs still does the rest of the fetching.
 */
export function decodeFetches(client: Kafka): void {
  const { name, create } = clusterFactory(client)
  const createDecoding: CreateCluster = (options) => {
    const cluster = create.call(client, options)
    const findBroker = cluster.findBroker.bind(cluster)
    cluster.findBroker = async (node) => decodingBroker(await findBroker(node))
    return cluster
  }
  Object.defineProperty(client, name, { value: createDecoding })
}

/** A kafkajs request in the version that the broker supports, with the decoder for its response. */
interface Protocol {
  readonly request: { readonly apiVersion: number }
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(response: unknown): Promise<unknown> }
}
type MakeRequest = (request: FetchRequest) => Protocol
type RequestingBroker = Broker & { lookupRequest(apiKey: number, requests: unknown): MakeRequest }

/** Makes the broker's `fetch` use our decoder. */
function decodingBroker(broker: Broker): Broker {
  if (Object.hasOwn(broker, 'fetch')) return broker
  const fetch: Broker['fetch'] = Reflect.get(broker, 'fetch')
  const requesting = broker as RequestingBroker
  // `fetch` calls `lookupRequest` each time, with the versions that the broker announced when it connected.
  const decoding: Broker = Object.create(requesting, {
    lookupRequest: {
      value: (apiKey: number, requests: unknown): MakeRequest => {
        const makeRequest = requesting.lookupRequest(apiKey, requests)
        return (request) => withOwnDecoder(makeRequest(request), request)
      },
    },
  })
  return Object.defineProperty(broker, 'fetch', { value: (request: FetchRequest) => fetch.call(decoding, request) })
}

function withOwnDecoder(protocol: Protocol, { topics }: FetchRequest): Protocol {
  const offsets = new Map<string, number>()
  for (const { topic, partitions } of topics) {
    for (const { partition, fetchOffset } of partitions) offsets.set(`${topic}:${partition}`, Number(fetchOffset))
  }
  const requestedOffset = (topic: string, partition: number) => offsets.get(`${topic}:${partition}`) ?? 0
  const { request, response } = protocol
  return {
    ...protocol,
    response: {
      decode: async (payload) => decodeFetchResponse(payload, request.apiVersion, requestedOffset),
      parse: async (decoded) => response.parse(decoded),
    },
  }
}
