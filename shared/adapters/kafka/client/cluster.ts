import type { Kafka } from 'kafkajs'
import { decodeFetchResponse, type FetchedPartition } from '../fetch/fetch-response.ts'

/**
 * The part of kafkajs that reads a partition without being in a group, which its public API lacks: there a group must
 * be joined for each look, with a rebalance of seconds, a right to the group, and its remains on the broker. It is the
 * same code that kafkajs's own consumers read with. kafkajs is pinned to the version that this was written for.
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

function clusterFactory(client: Kafka): { name: symbol; create: CreateCluster } {
  const name = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create: unknown = name === undefined ? undefined : Reflect.get(client, name)
  if (name === undefined || typeof create !== 'function') {
    throw new Error('This version of kafkajs has another way to its cluster.')
  }
  return { name, create: create as CreateCluster }
}

/**
 * Has everything that this client reads decoded here and not by kafkajs, its consumers included. kafkajs 2.2.4 fails a
 * whole fetch for one batch that it cannot decompress, delivers records of transactions that were aborted, and never
 * gets past an empty batch (decision 019); the rest of fetching stays its own.
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

/** How kafkajs makes a request: by the version that the broker has, with the decoder of its answer. */
interface Protocol {
  readonly request: { readonly apiVersion: number }
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(answer: unknown): Promise<unknown> }
}
type MakeRequest = (of: FetchRequest) => Protocol
type KafkajsBroker = Broker & { lookupRequest(apiKey: number, requests: unknown): MakeRequest }

/** The same broker, but that its fetch asks for another decoder. */
function decodingBroker(broker: Broker): Broker {
  if (Object.hasOwn(broker, 'fetch')) return broker
  const fetch: (this: Broker, request: FetchRequest) => ReturnType<Broker['fetch']> = Reflect.get(broker, 'fetch')
  const of = broker as KafkajsBroker
  // kafkajs looks a request up anew each time, by what the broker said when it was connected.
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
