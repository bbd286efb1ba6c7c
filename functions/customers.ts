import { actOf, readActBody } from '../shared/http/acts.ts'
import { customerIdIn, forgetBody, forgetQuery, reasonToForget } from '../shared/http/customers.ts'
import { isDryRun } from '../shared/http/dry-run.ts'
import { FRESH, json } from '../shared/http/protocol/answer.ts'
import { readQuery } from '../shared/http/protocol/query.ts'
import { httpTrigger } from '../shared/triggers.ts'

/**
 * POST /api/customers/{customerId}/forget: removes the customer's personal data. A dry run only counts what would be
 * affected.
 */
httpTrigger('forgetCustomer', async (request, { forgetCustomer, config }) => {
  const customerId = customerIdIn(request)
  const query = readQuery(request.query, forgetQuery)
  const body = await readActBody(request, forgetBody)
  if (isDryRun(query, body)) return json(200, await forgetCustomer.preview(customerId), FRESH)
  const act = actOf(request, reasonToForget(body), config)
  return json(200, await forgetCustomer.forget(customerId, act), FRESH)
})
