/** The settings of the baselines that publish to Kafka. */
export function kafkaSettings() {
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter((broker) => broker !== '')
  const topic = process.env['BASELINE_TOPIC'] ?? 'loadtest-baseline'
  return {
    brokers,
    topic,
    group: process.env['BASELINE_GROUP'] ?? topic,
    partitions: 6,
    // Whether the same process consumes the topic and stores the orders.
    isStoring: process.env['BASELINE_STORING'] === 'on',
  }
}

export function announce(port: number): void {
  process.stdout.write(`http://127.0.0.1:${port}\n`)
}
