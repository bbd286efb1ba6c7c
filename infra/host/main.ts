import { banner } from './banner.ts'
import type { Product } from './run.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** Supervisors commonly kill a process after 10 s. */
const STOP_LIMIT_MS = 9500

/**
 * `npm start`: runs the product, prints its address, and stops it on request. A signal during startup takes effect
 * afterwards. Without a handler, a container's first process would ignore signals until the container engine killed it.
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
  // Set before the modules are loaded, so that a stop that is requested in the meantime waits for startup to finish.
  started = start()
  product = await started
  process.stdout.write(banner(product, process.stdout.isTTY))
}
