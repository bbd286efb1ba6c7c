import type { Discarded } from '../../../shared/application/dead-letters/discard-letters.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import type { Page } from '../../../shared/ports/order-views.ts'
import { EXIT, REASON, requiredReason, show, type Command, type CommandContext, type ExitCode } from '../command.ts'
import { pagesOf } from '../pages.ts'
import { causeText, table } from '../table.ts'
import { MAX_IDS, WHICH, whichLetters } from '../which-letters.ts'

/** A dry run shows at most this many of the letters. */
const SHOWN = 20

export const discardDeadLetters: Command = {
  name: 'dead-letters discard',
  usage: '<id>… | --fingerprint <group> | --code <code> | --own | --all, --reason <text>',
  takes: MAX_IDS,
  summary: 'gives dead letters up for good; `--dry-run` only counts them, and `restore` undoes one',
  examples: [
    'dead-letters discard orders:2:41 --reason "A test order."',
    'dead-letters discard --fingerprint 1f2e3d4c5b6a7988 --dry-run',
    'dead-letters discard --fingerprint 1f2e3d4c5b6a7988 --reason "Sent by a load test."',
  ],
  options: { ...WHICH, 'dry-run': { type: 'boolean', help: 'counts them, and discards none' }, ...REASON },
  async run(context) {
    const which = whichLetters(context)
    if (context.options['dry-run'] === true) return preview(context, which)
    const reason = requiredReason(context)
    const [only, ...others] = context.positionals
    const isOne = only !== undefined && others.length === 0 && Object.keys(which).length === 1
    return isOne ? discardOne(context, only, reason) : discardMany(context, { ...which, reason })
  },
}

async function discardOne(context: CommandContext, id: string, reason: string): Promise<ExitCode> {
  const path = `/api/dead-letters/${encodeURIComponent(id)}/discard`
  const letter = await context.client.request('POST', path, { reason })
  show(context, letter, `${id} is discarded.`)
  return EXIT.ok
}

/** One request discards for some seconds, so it is repeated until nothing is left. */
async function discardMany(context: CommandContext, body: Record<string, unknown>): Promise<ExitCode> {
  let count = 0
  for await (const part of pagesOf<Discarded>(context, '/api/dead-letters/discard', body)) {
    count += part.count
    context.progress(`${count} discarded`)
  }
  show(context, { dryRun: false, count, nextCursor: null }, `${letters(count)} discarded.`)
  return EXIT.ok
}

async function preview(context: CommandContext, which: Record<string, unknown>): Promise<ExitCode> {
  const answer = await context.client.request('POST', '/api/dead-letters/discard', { ...which, dryRun: true })
  if (context.json) {
    context.print(JSON.stringify(answer))
    return EXIT.ok
  }
  const { count } = answer as Discarded
  context.print(
    `${letters(count)} would be discarded${count > SHOWN && !('ids' in which) ? ', the newest of them:' : '.'}`,
  )
  if (count > 0 && !('ids' in which)) {
    const page = (await context.client.request('GET', listed(which))) as Page<DeadLetterSummary>
    const rows = page.items.map(({ id, orderId, lastCause }) => [id, orderId, causeText(lastCause)])
    context.print(table(['id', 'order', 'cause'], rows))
  }
  return EXIT.ok
}

/** The same letters as a list. */
function listed({ fingerprint, code, from, to, foreign }: Record<string, unknown>): string {
  const parameters = Object.entries({ state: 'dead', limit: SHOWN, fingerprint, cause: code, from, to, foreign })
  const given = parameters
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): [string, string] => [name, String(value)])
  return `/api/dead-letters?${new URLSearchParams(given).toString()}`
}

function letters(count: number): string {
  return `${count} dead ${count === 1 ? 'letter' : 'letters'}`
}
