import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import { openKafkaLog, startTestBroker, type TestBroker } from './kafka-broker.ts'
import { startProduct, type Product } from '../product/product.ts'

/**
 * The product, a broker of its own, and that broker's log as other programs see it. Disposing of this stops all three.
 */
export interface KafkaProduct extends AsyncDisposable {
  readonly broker: TestBroker
  readonly product: Product
  readonly log: KafkaLog
}

export async function startKafkaProduct(): Promise<KafkaProduct> {
  await using opened = new AsyncDisposableStack()
  const broker = opened.use(await startTestBroker())
  const log = opened.use(openKafkaLog([broker.address]).log)
  const product = opened.use(await startProduct({ KAFKA_BROKERS: broker.address }))
  const all = opened.move()
  return { broker, product, log, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
