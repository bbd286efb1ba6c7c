import { banner } from './banner.ts'
import { startProduct } from './run.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** Less than the 10 s after which supervisors commonly kill. */
const STOP_LIMIT_MS = 9500

/** What `npm start` does: runs the product, says where, and ends it when asked to. */
export async function main(root: string): Promise<void> {
  const product = await startProduct(root)
  stopOnSignal({
    limitMs: STOP_LIMIT_MS,
    stop: product.stop,
    unfinished: product.unfinished,
    say: (line) => process.stderr.write(`${line}\n`),
  })
  process.stdout.write(banner(product, process.stdout.isTTY))
}
