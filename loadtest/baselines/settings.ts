export interface KafkaSettings {
  readonly brokers: string[]
  readonly topic: string
  readonly partitions: number
  /** Whether the same process consumes the topic and stores the orders. */
  readonly isStoring: boolean
}

/** Of the baselines that publish to Kafka. */
export function kafkaSettings(): KafkaSettings {
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter((broker) => broker !== '')
  return {
    brokers,
    topic: process.env['BASELINE_TOPIC'] ?? 'loadtest-baseline',
    partitions: 6,
    isStoring: process.env['BASELINE_STORING'] === 'on',
  }
}

export function announce(port: number): void {
  process.stdout.write(`http://127.0.0.1:${port}\n`)
}
