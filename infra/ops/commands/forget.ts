import type { Forgotten } from '../../../shared/application/forgetting/forgotten.ts'
import { pathSegment, REASON, requiredReason, text, UsageError, type Command } from '../command.ts'

export const forget: Command = {
  name: 'forget',
  usage: '--customer <id> --reason <text>',
  summary: 'removes the personal data of a customer from log, store and search; `--dry-run` only counts it',
  examples: ['forget --customer 48213 --dry-run', 'forget --customer 48213 --reason "Asked for it on 12 May."'],
  options: {
    customer: { type: 'string', help: 'a customer id' },
    'dry-run': { type: 'boolean', help: 'only counts what would be removed' },
    ...REASON,
  },
  async run(context) {
    const customer = text(context, 'customer')
    if (customer === undefined) throw new UsageError('--customer is missing.')
    const body = context.options['dry-run'] === true ? { dryRun: true } : { reason: requiredReason(context) }
    context.progress('searching log and store')
    const path = `/api/customers/${pathSegment(customer)}/forget`
    const answer = (await context.client.request('POST', path, body, {
      takesLong: true,
      isRepeatable: true,
    })) as Forgotten
    return { answer, words: [answer.summary, ...answer.remains].join('\n') }
  },
}
