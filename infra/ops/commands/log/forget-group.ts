import type { ForgottenGroup } from '../../../../shared/application/log/forget-group.ts'
import { REASON, required, requiredReason, type Command } from '../../command.ts'

export const forgetGroup: Command = {
  name: 'forget-group',
  usage: '<group> --reason <text>',
  summary: 'lets the embedded log remove records that a consumer group has not read, because the group will not return',
  examples: ['forget-group audit --reason "That program was shut down for good."'],
  takes: 1,
  options: REASON,
  async run(context) {
    const group = required(context, 0, 'The group')
    const reason = requiredReason(context)
    const answer = await context.client.request('POST', '/api/ops/forget-group', { group, reason })
    const { topics } = answer as ForgottenGroup
    const words = `The log no longer keeps records in ${topics.join(', ')} for ${group}.`
    return { answer, words, well: true }
  },
}
