import type { ForgetCustomer } from '../forgetting/forget-customer.ts'
import type { Forgotten } from '../forgetting/forgotten.ts'

/**
 * While a customer is being forgotten, another call for the same customer starts nothing and has the outcome of the
 * first. Forgetting may take longer than a gateway waits, so an operator repeats the request to see how it ends.
 */
export function joinForgetting(forgetCustomer: ForgetCustomer): ForgetCustomer {
  const running = new Map<number, Promise<Forgotten>>()
  return {
    ...forgetCustomer,
    forget(customerId, act) {
      const known = running.get(customerId)
      if (known !== undefined) return known
      const begun = forgetCustomer.forget(customerId, act).finally(() => running.delete(customerId))
      running.set(customerId, begun)
      return begun
    },
  }
}
