import type { Kafka } from 'kafkajs'

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
  /** By node id, as strings. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(of: { nodeId: string }): Promise<FetchingBroker>
  findGroupCoordinator(of: { groupId: string }): Promise<CommittingBroker>
}

export interface FetchingBroker {
  fetch(request: {
    readonly maxWaitTime: number
    readonly minBytes: number
    readonly maxBytes: number
    readonly isolationLevel: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[]
    }[]
  }): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
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

export interface FetchedPartition {
  readonly partition: number
  readonly highWatermark: string
}

export const READ_COMMITTED = 1

export function createCluster(client: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create: unknown = name === undefined ? undefined : Reflect.get(client, name)
  if (typeof create !== 'function') throw new Error('This version of kafkajs has another way to its cluster.')
  return create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED }) as Cluster
}
