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
 * Notes in each record which offset it got, or that it was refused. kafkajs rejects the response as a whole if one
 * partition refused its records.
 */
export function noteOutcomes({ topicData }: ProduceData, { topics }: ProduceResponse): void {
  for (const { topicName, partitions } of topics) {
    const sent = topicData.find(({ topic }) => topic === topicName)
    for (const { partition, errorCode, baseOffset } of partitions) {
      const records = sent?.partitions.find((data) => data.partition === partition)?.messages ?? []
      for (const [at, record] of records.entries()) {
        if (errorCode === NO_ERROR) record.offset = Number(baseOffset) + at
        else record.refused = true
      }
    }
  }
}
