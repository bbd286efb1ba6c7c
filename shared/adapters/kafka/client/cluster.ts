import type { Broker as KafkajsBroker, Cluster as KafkajsCluster, Kafka } from 'kafkajs'
import { createLazy, type Lazy } from './lazy.ts'
import type { FetchResponse } from '../fetch/fetch-response.ts'

/**
 * kafkajs's internal interface for reading a partition without joining a group. The public API requires a group for
 * each read, which costs a rebalance of several seconds, needs a permission for the group, and leaves the group on the
 * broker. kafkajs is pinned to the version for which this code was written.
 */
export type Cluster = Omit<KafkajsCluster, 'findBroker'> & {
  findBroker(node: { nodeId: string }): Promise<Broker>
}

export type FetchRequest = Parameters<KafkajsBroker['fetch']>[0]
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

export type CreateCluster = (options: object) => Cluster

/** A cluster object that connects on first use. */
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

/** kafkajs's private method that creates a cluster for the client and for each of its consumers and producers. */
export function clusterFactory(client: Kafka): { name: symbol; create: CreateCluster } {
  const name = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create: unknown = name === undefined ? undefined : Reflect.get(client, name)
  if (name === undefined || typeof create !== 'function') {
    throw new Error('This version of kafkajs has no private method createCluster.')
  }
  return { name, create: create as CreateCluster }
}
