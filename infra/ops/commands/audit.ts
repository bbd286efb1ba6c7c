import type { Page } from '../../../shared/ports/order-views.ts'
import type { AuditEntry } from '../../../shared/ports/redrives.ts'
import { EXIT, type Command } from '../command.ts'
import { PAGE, query, tellOfMore } from '../pages.ts'
import { table } from '../table.ts'

const OPTIONS = {
  target: { type: 'string', help: 'the id of a dead letter or redrive, or a topic' },
  ...PAGE,
} as const

export const audit: Command = {
  name: 'audit',
  usage: '',
  summary: 'who did what, newest first',
  examples: ['audit', 'audit --target orders:2:41 --json'],
  options: OPTIONS,
  async run(context) {
    const page = (await context.client.request(
      'GET',
      `/api/audit${query(context, Object.keys(OPTIONS))}`,
    )) as Page<AuditEntry>
    if (context.json) context.print(JSON.stringify(page))
    else {
      const rows = page.items.map(({ at, action, target, operator, verified, reason }) => [
        at,
        action,
        target,
        verified ? operator : `${operator} (as claimed)`,
        reason,
      ])
      context.print(table(['at', 'action', 'target', 'operator', 'reason'], rows))
      tellOfMore(context, page)
    }
    return EXIT.ok
  },
}
