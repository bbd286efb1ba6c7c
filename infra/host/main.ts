import { banner } from './banner.ts'
import type { Product } from './run.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** Less than the 10 s after which supervisors commonly kill. */
const STOP_LIMIT_MS = 9500

/**
 * What `npm start` does: runs the product, says where, and ends it when asked to. A signal that comes while it starts is
 * heeded when it has started: as the first process of a container it would otherwise not be heard at all, and the engine
 * would kill it in the end.
 */
export async function main(root: string): Promise<void> {
  const start = async (): Promise<Product> => (await import('./run.ts')).startProduct(root)
  let started: Promise<Product> | undefined
  let product: Product | undefined
  stopOnSignal({
    limitMs: STOP_LIMIT_MS,
    stop: async () => (await started)?.stop(),
    unfinished: () => product?.unfinished() ?? ['starting'],
    say: (line) => process.stderr.write(`${line}\n`),
  })
  // Loading the modules already keeps a signal waiting.
  started = start()
  product = await started
  process.stdout.write(banner(product, process.stdout.isTTY))
}
