import type { AuditEntry } from '../../../shared/ports/redrives.ts'
import type { Command } from '../command.ts'
import { PAGE, query, showPage } from '../pages.ts'
import { toSecond } from '../table.ts'

const OPTIONS = {
  target: { type: 'string', help: 'the id of a dead letter or redrive, or a topic' },
  ...PAGE,
} as const

export const audit: Command = {
  name: 'audit',
  summary: 'who did what, newest first',
  examples: ['audit', 'audit --target orders:2:41 --json'],
  options: OPTIONS,
  run: (context) =>
    showPage<AuditEntry>(
      context,
      `/api/audit${query(context, Object.keys(OPTIONS))}`,
      { header: ['at', 'action', 'target', 'operator', 'reason'], optional: ['operator'] },
      (entry) => [
        toSecond(entry.at),
        entry.action,
        entry.target,
        entry.verified ? entry.operator : `${entry.operator} (as claimed)`,
        entry.reason,
      ],
    ),
}
