/** Of the baselines that publish to Kafka: where, and to which topic. */
export function kafkaSettings(): { brokers: string[]; topic: string; partitions: number } {
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter((broker) => broker !== '')
  return { brokers, topic: process.env['BASELINE_TOPIC'] ?? 'loadtest-baseline', partitions: 6 }
}

export function announce(port: number): void {
  process.stdout.write(`http://127.0.0.1:${port}\n`)
}
