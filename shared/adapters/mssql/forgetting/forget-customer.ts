import { OrderError } from '../../../domain/errors.ts'
import type { Forgetting } from '../../../ports/forgetting.ts'

/** Refuses every call. A partial removal would be worse than none, because the caller would rely on it. */
export function createForgetting(): Forgetting {
  return { held: refuse, forget: refuse, forgetOrders: refuse, purge: refuse }
}

async function refuse(): Promise<never> {
  throw new OrderError('conflict', 'This version cannot forget a customer in SQL Server yet. Nothing was changed.')
}
