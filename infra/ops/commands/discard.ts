import type { Discarded } from '../../../shared/application/dead-letters/discard-letters.ts'
import type { DeadLetterSummary } from '../../../shared/ports/dead-letters.ts'
import type { Page } from '../../../shared/ports/order-views.ts'
import { pathSegment, REASON, requiredReason, type Command, type CommandContext, type Outcome } from '../command.ts'
import { pagesOf } from '../pages.ts'
import { causeText, table } from '../table.ts'
import { MAX_IDS, WHICH, whichLetters } from '../which-letters.ts'

/** A dry run shows at most this many letters. */
const SHOWN = 20

export const discardDeadLetters: Command = {
  name: 'dead-letters discard',
  usage: '<id>… | --fingerprint <group> | --code <code> | --own | --all, --reason <text>',
  takes: MAX_IDS,
  summary: 'gives up on dead letters; `--dry-run` only counts them, and `restore` undoes the discard of one',
  examples: [
    'dead-letters discard orders:2:41 --reason "A test order."',
    'dead-letters discard --fingerprint 1f2e3d4c5b6a7988 --dry-run',
    'dead-letters discard --fingerprint 1f2e3d4c5b6a7988 --reason "Sent by a load test."',
  ],
  options: { ...WHICH, 'dry-run': { type: 'boolean', help: 'only counts them' }, ...REASON },
  async run(context) {
    const which = whichLetters(context)
    if (context.options['dry-run'] === true) return preview(context, which)
    const reason = requiredReason(context)
    const [only, ...others] = context.positionals
    const isOne = only !== undefined && others.length === 0 && Object.keys(which).length === 1
    return isOne ? discardOne(context, only, reason) : discardMany(context, { ...which, reason })
  },
}

async function discardOne(context: CommandContext, id: string, reason: string): Promise<Outcome> {
  const path = `/api/dead-letters/${pathSegment(id)}/discard`
  return { answer: await context.client.request('POST', path, { reason }), words: `${id} is discarded.` }
}

/** The server works on each request for at most a few seconds, so requests are repeated until nothing is left. */
async function discardMany(context: CommandContext, body: Record<string, unknown>): Promise<Outcome> {
  let count = 0
  for await (const part of pagesOf<Discarded>(context, '/api/dead-letters/discard', body)) {
    count += part.count
    context.progress(`${count} discarded`)
  }
  return { answer: { dryRun: false, count, nextCursor: null }, words: `${letters(count)} discarded.` }
}

async function preview(context: CommandContext, which: Record<string, unknown>): Promise<Outcome> {
  const answer = await context.client.request('POST', '/api/dead-letters/discard', { ...which, dryRun: true })
  const { count } = answer as Discarded
  const words = `${letters(count)} would be discarded`
  if (context.json || count === 0 || 'ids' in which) return { answer, words: `${words}.` }
  const page = (await context.client.request('GET', listed(which))) as Page<DeadLetterSummary>
  const rows = page.items.map(({ id, orderId, lastCause }) => [id, orderId, causeText(lastCause)])
  const end = count > SHOWN ? '. The newest are:' : '.'
  return { answer, words: `${words}${end}\n${table(['id', 'order', 'cause'], rows)}` }
}

/** The path of the request that lists the same letters. */
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
