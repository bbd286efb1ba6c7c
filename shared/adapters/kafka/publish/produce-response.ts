import type { ProduceData } from './produce-request.ts'

/** A Produce response (https://kafka.apache.org/protocol#The_Messages_Produce) as kafkajs decodes it. */
export interface ProduceResponse {
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly {
      readonly partition: number
      readonly errorCode: number
      readonly baseOffset: string
    }[]
  }[]
}

const NO_ERROR = 0

/**
 * Gives the records of each partition that accepted them their offsets. kafkajs rejects the response as a whole if one
 * partition refused its records.
 */
export function assignOffsets({ topicData }: ProduceData, { topics }: ProduceResponse): void {
  for (const { topicName, partitions } of topics) {
    const sent = topicData.find(({ topic }) => topic === topicName)
    for (const { partition, errorCode, baseOffset } of partitions) {
      if (errorCode !== NO_ERROR) continue
      const records = sent?.partitions.find((data) => data.partition === partition)?.messages ?? []
      for (const [at, record] of records.entries()) record.offset = Number(baseOffset) + at
    }
  }
}
