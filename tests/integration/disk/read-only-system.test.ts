import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { LOG_FILE } from '../../../shared/disk/data-files.ts'
import { createSmallDisk } from '../../support/disk/full-disk.ts'
import { hasReadOnlySystem, IN_READ_ONLY_SYSTEM } from '../../support/disk/read-only-system.ts'
import { canMount } from '../../support/disk/thin-disk.ts'
import { orderCommand } from '../../support/orders/orders.ts'
import { ops } from '../../support/product/ops-cli.ts'
import { createProduct } from '../../support/product/product.ts'

const CUSTOMER = 48_213
const TEXT = 'x'.repeat(100)
const LARGE = orderCommand({
  customerId: CUSTOMER,
  orderItems: Array.from({ length: 500 }, () => ({
    itemCode: TEXT,
    brand: TEXT,
    type: TEXT,
    size: TEXT.slice(50),
    colour: TEXT.slice(50),
    quantity: 1,
    price: 42.5,
    currencyType: 'EUR' as const,
  })),
})
/** Together larger than the cache of 16 MiB up to which SQLite rewrites a file without a temporary one. */
const ORDERS = 50

/** As after an upgrade from a version whose log kept overwritten rows: the next forgetting rewrites the log too. */
function markRemains(dataDir: string): void {
  const log = new DatabaseSync(join(dataDir, LOG_FILE))
  log.exec('UPDATE remains SET are_possible = 1')
  log.close()
}

test.skipIf(!canMount || !hasReadOnlySystem)(
  'where only DATA_DIR is writable, customers are forgotten, by the product and by its tool, and orders are still stored',
  async () => {
    using disk = createSmallDisk(400)
    const dataDir = join(disk.path, 'data')
    const product = createProduct(dataDir, { LOG_LEVEL: 'warn' }, () => IN_READ_ONLY_SYSTEM)
    const place = () =>
      product
        .ask('/api/orders', { method: 'POST', body: LARGE, headers: { prefer: 'wait=30' } })
        .then(({ body }) => body)
    try {
      await product.start()
      for (let placed = 0; placed < ORDERS; placed += 1) expect(await place()).toMatchObject({ status: 'stored' })
      expect(await product.stop()).toBe(0)

      markRemains(dataDir)
      await product.start()
      const reason = { reason: 'Asked for it.' }
      const forgotten = await product.operate(`/api/customers/${CUSTOMER}/forget`, { method: 'POST', body: reason })
      expect(forgotten.status).toBe(200)
      expect(await place()).toMatchObject({ status: 'stored' })
      expect(await product.stop()).toBe(0)

      markRemains(dataDir)
      const words = ['forget', '--customer', String(CUSTOMER), '--reason', 'Asked for it again.']
      expect(await ops(words, { DATA_DIR: dataDir }, IN_READ_ONLY_SYSTEM)).toMatchObject({ exit: 0, err: '' })
    } finally {
      if (product.isRunning) await product.kill()
    }
  },
)
