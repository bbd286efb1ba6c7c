import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KafkaLog } from '../../../shared/adapters/kafka/kafka-log.ts'
import { openKafkaLog, startTestBroker, type TestBroker } from './kafka-broker.ts'
import { createProduct, type Product } from '../product/product.ts'

/** The product on a broker of its own, with the log as a neighbour would open it. Disposing of it ends all three. */
export interface KafkaProduct extends AsyncDisposable {
  readonly broker: TestBroker
  readonly product: Product
  readonly log: KafkaLog
}

export async function startKafkaProduct(settings: Record<string, string> = {}): Promise<KafkaProduct> {
  const broker = await startTestBroker()
  const directory = mkdtempSync(join(tmpdir(), 'product-'))
  const { product, output } = createProduct(join(directory, 'data'), { KAFKA_BROKERS: broker.address, ...settings })
  const { log } = openKafkaLog([broker.address])
  async function end(): Promise<void> {
    if (product.isRunning) await product.kill()
    await log[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await product.start()
  } catch (error) {
    process.stderr.write(output())
    await end()
    throw error
  }
  return { broker, product, log, [Symbol.asyncDispose]: end }
}
