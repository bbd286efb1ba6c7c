import type { ForgetCustomer } from '../forgetting/forget-customer.ts'
import type { Forgotten } from '../forgetting/forgotten.ts'

/**
 * While a customer is being forgotten, the same operator's repeat of the request starts nothing and has the outcome of
 * the first. Forgetting may take longer than a gateway waits, so operators repeat the request to see how it ends. Any
 * other request is refused meanwhile, because it may be about later orders.
 */
export function joinForgetting(forgetCustomer: ForgetCustomer): ForgetCustomer {
  const running = new Map<string, Promise<Forgotten>>()
  return {
    ...forgetCustomer,
    forget(customerId, act) {
      const request = JSON.stringify([customerId, act.operator, act.reason])
      const known = running.get(request)
      if (known !== undefined) return known
      const begun = forgetCustomer.forget(customerId, act).finally(() => running.delete(request))
      running.set(request, begun)
      return begun
    },
  }
}
