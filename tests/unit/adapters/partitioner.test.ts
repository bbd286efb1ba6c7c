import * as fc from 'fast-check'
import { Partitioners, type PartitionMetadata } from 'kafkajs'
import { expect, it } from 'vitest'
import { partitionOfKey } from '../../../shared/adapters/partitioner.ts'

it('chooses the same partition for a key as kafkajs and the Java client', () => {
  const choose = Partitioners.DefaultPartitioner()
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.uint8Array()), fc.integer({ min: 1, max: 100 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (): PartitionMetadata => {
        return { partitionErrorCode: 0, partitionId: 0, leader: 0, replicas: [], isr: [] }
      })
      const bytes = Buffer.from(key as string)
      const chosen = choose({ topic: 'orders', partitionMetadata, message: { key: bytes, value: null } })
      expect(partitionOfKey(key, partitions)).toBe(chosen)
    }),
  )
})
