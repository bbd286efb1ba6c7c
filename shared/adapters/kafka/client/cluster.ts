import type { Kafka } from 'kafkajs'
import { createLazy, type Lazy } from './lazy.ts'
import { decodeFetchResponse, type FetchedPartition } from '../fetch/fetch-response.ts'

/**
 * The part of kafkajs that reads a partition without joining a group. The public API requires a group for each look, which
 * costs a rebalance of seconds, needs a permission, and leaves the group on the broker. kafkajs's own consumers read with
 * the same code. kafkajs is pinned to the version that this was written for.
 */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
  /** By node id, as strings. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(of: { nodeId: string }): Promise<Broker>
  findGroupCoordinator(of: { groupId: string }): Promise<CommittingBroker>
}

export interface Broker {
  fetch(request: FetchRequest): Promise<{
    readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
  }>
  listOffsets(request: {
    readonly isolationLevel: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
    }[]
  }): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }>
}

export interface CommittingBroker {
  offsetCommit(request: {
    readonly groupId: string
    readonly groupGenerationId: number
    readonly memberId: string
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }): Promise<unknown>
}

interface FetchRequest {
  readonly maxWaitTime: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[]
  }[]
}

export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1

type CreateCluster = (options: object) => Cluster

export function createCluster(client: Kafka): Cluster {
  const { create } = clusterFactory(client)
  return create.call(client, { metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED })
}

/** A cluster that connects when it is first asked something. */
export function createLazyCluster(client: Kafka, onError: (error: unknown) => void): Lazy<Cluster> {
  return createLazy(
    async () => {
      const cluster = createCluster(client)
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
    throw new Error('This version of kafkajs keeps its cluster elsewhere.')
  }
  return { name, create: create as CreateCluster }
}

/**
 * Decodes here everything that this client and its consumers read. kafkajs 2.2.4 fails a whole fetch because of one batch
 * that it cannot decompress, delivers records of aborted transactions, and never gets past an empty batch (decision 019).
 * kafkajs still does the rest of fetching.
 */
export function decodeFetches(client: Kafka): void {
  const { name, create } = clusterFactory(client)
  const createDecoding: CreateCluster = (options) => {
    const cluster = create.call(client, options)
    const findBroker = cluster.findBroker.bind(cluster)
    cluster.findBroker = async (of) => decodingBroker(await findBroker(of))
    return cluster
  }
  Object.defineProperty(client, name, { value: createDecoding })
}

/** A request of kafkajs, for the broker's version, with the decoder of its answer. */
interface Protocol {
  readonly request: { readonly apiVersion: number }
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(answer: unknown): Promise<unknown> }
}
type MakeRequest = (of: FetchRequest) => Protocol
type KafkajsBroker = Broker & { lookupRequest(apiKey: number, requests: unknown): MakeRequest }

/** Gives the broker's `fetch` our decoder. */
function decodingBroker(broker: Broker): Broker {
  if (Object.hasOwn(broker, 'fetch')) return broker
  const fetch: (this: Broker, request: FetchRequest) => ReturnType<Broker['fetch']> = Reflect.get(broker, 'fetch')
  const of = broker as KafkajsBroker
  // kafkajs looks a request up each time, by the versions that the broker named when it connected.
  const fetching: Broker = Object.create(of, {
    lookupRequest: {
      value: (apiKey: number, requests: unknown): MakeRequest => {
        const makeRequest = of.lookupRequest(apiKey, requests)
        return (asked) => withOwnDecoder(makeRequest(asked), asked)
      },
    },
  })
  Object.defineProperty(broker, 'fetch', { value: (request: FetchRequest) => fetch.call(fetching, request) })
  return broker
}

function withOwnDecoder(protocol: Protocol, { topics }: FetchRequest): Protocol {
  const offsets = new Map<string, number>()
  for (const { topic, partitions } of topics) {
    for (const { partition, fetchOffset } of partitions) offsets.set(`${topic}:${partition}`, Number(fetchOffset))
  }
  const askedFor = (topic: string, partition: number) => offsets.get(`${topic}:${partition}`) ?? 0
  const { response, request } = protocol
  return {
    ...protocol,
    response: {
      decode: async (payload) => decodeFetchResponse(payload, request.apiVersion, askedFor),
      parse: async (answer) => response.parse(answer),
    },
  }
}
