import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProduct, type Product } from '../product/product.ts'

/** Several hosts of one installation with the same Kafka, consumer group and store. */
export interface KafkaHosts extends AsyncDisposable {
  readonly running: readonly Product[]
  /** Starts another host; resolves once it serves requests. */
  add(): Promise<Product>
  /** Sends SIGKILL. */
  kill(host: Product): Promise<void>
  /** Sends SIGTERM; resolves with the exit code. */
  stop(host: Product): Promise<number | null>
  /** The last part of what each host wrote to standard error. */
  output(): string
}

/**
 * Each host has its own DATA_DIR, as it must, with a link in it to a shared SQLite file: SQLite lets several processes
 * write to one file in turn, and so stands in for the SQL Server of such an installation.
 */
export function createKafkaHosts(settings: Record<string, string>): KafkaHosts {
  const directory = mkdtempSync(join(tmpdir(), 'hosts-'))
  const store = join(directory, 'orders.db')
  closeSync(openSync(store, 'w'))
  const hosts: Product[] = []
  const running = new Set<Product>()

  return {
    get running() {
      return [...running]
    },
    async add() {
      const dataDir = join(directory, `host-${hosts.length + 1}`)
      mkdirSync(dataDir, { mode: 0o700 })
      symlinkSync(store, join(dataDir, 'orders.db'))
      const host = createProduct(dataDir, {
        ORDER_ID_SECRET: 'the same for every host of this installation',
        ...settings,
      })
      hosts.push(host)
      await host.start()
      running.add(host)
      return host
    },
    async kill(host) {
      running.delete(host)
      await host.kill()
    },
    async stop(host) {
      running.delete(host)
      return host.stop()
    },
    output: () => hosts.map(({ log }, index) => `host ${index + 1}: ${log.slice(-16_384)}`).join('\n'),
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map((host) => host.kill()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
