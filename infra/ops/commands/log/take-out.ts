import type { TakenOut } from '../../../../shared/application/dead-letters/take-out.ts'
import type { LedgerVerdict } from '../../../../shared/application/ledger/ledger.ts'
import { REASON, required, requiredReason, type Command } from '../../command.ts'

export const takeOut: Command = {
  name: 'take-out',
  usage: '<topic:partition:offset> --reason <text>',
  summary: 'turns a record that its consumer cannot get past into a dead letter; stop the consumers of its topic first',
  examples: ['take-out orders:5:3 --reason "The Kafka trigger cannot read its timestamp."'],
  takes: 1,
  options: REASON,
  async run(context) {
    const record = required(context, 0, 'The record')
    const reason = requiredReason(context)
    const body = { record, reason }
    const answer = await context.client.request('POST', '/api/ops/take-out', body, { takesLong: true })
    const { letterId, group, processed, ledger } = answer as TakenOut & { ledger: LedgerVerdict }
    const waited =
      processed === 1 ? '1 record that waited before it was' : `${processed} records that waited before it were`
    const before = processed === 0 ? '' : ` ${waited} processed.`
    const words = `${record} is now the dead letter ${letterId}, and ${group} continues after it.${before}`
    return { answer, words: `${words}\n${ledger.summary}`, well: ledger.balanced }
  },
}
