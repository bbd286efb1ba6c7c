import type { RedrivePreview } from '../../../shared/application/dead-letters/preview-redrive.ts'
import type { RedriveWarning } from '../../../shared/application/dead-letters/redrive-warning.ts'
import type { Page } from '../../../shared/ports/order-views.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'
import {
  given,
  idSegment,
  REASON,
  text,
  untilEnded,
  type Command,
  type CommandContext,
  type Outcome,
} from '../command.ts'
import { PAGE, pagesOf, query, showPage } from '../pages.ts'
import { table, toSecond } from '../table.ts'
import { MAX_IDS, WHICH, whichLetters } from '../which-letters.ts'

export const redriveDeadLetters: Command = {
  name: 'dead-letters redrive',
  usage: '<id>… | --fingerprint <group> | --code <code> | --own | --all',
  takes: MAX_IDS,
  processes: true,
  summary: 'sends dead letters back to their topic, one first, then more; `--dry-run` only says what would happen',
  examples: [
    'dead-letters redrive orders:2:41 --dry-run',
    'dead-letters redrive --fingerprint 1f2e3d4c5b6a7988 --rate 20 --reason "The fault is fixed."',
    'dead-letters redrive --all --detach',
  ],
  options: {
    ...WHICH,
    'dry-run': { type: 'boolean', help: 'runs the current code on each letter and stores nothing' },
    rate: { type: 'string', help: 'at most this many letters per second (default: 100)' },
    ...REASON,
    detach: { type: 'boolean', help: 'does not wait for the outcome' },
  },
  async run(context) {
    const rate = text(context, 'rate')
    const body = {
      ...whichLetters(context),
      ...(rate !== undefined && { ratePerSecond: Number(rate) }),
      ...given(context, 'reason'),
    }
    if (context.options['dry-run'] === true) return preview(context, body)
    const task = (await context.client.request('POST', '/api/dead-letters/redrive', body)) as RedriveTask & Warned
    if (!context.json && task.warning !== undefined) context.print(`Warning: ${task.warning.detail}`)
    return context.options['detach'] === true ? report(task) : follow(context, task)
  },
}

export const listRedrives: Command = {
  name: 'redrives list',
  summary: 'redrives and their outcomes, newest first',
  examples: ['redrives list', 'redrives list --limit 5 --json'],
  options: PAGE,
  async run(context) {
    const path = `/api/redrives${query(context, Object.keys(PAGE))}`
    const header = ['id', 'state', 'begun', 'changed', 'operator', 'stored', 'failed', 'to go', 'skipped', 'why']
    const optional = ['skipped', 'changed', 'operator', 'to go', 'begun', 'failed']
    return showPage<RedriveTask>(context, path, { header, optional }, (task) => [
      task.id,
      task.state,
      toSecond(task.createdAt),
      toSecond(task.updatedAt),
      task.operator,
      `${task.resolved} of ${task.total}`,
      task.failed,
      task.waiting + task.pending,
      task.skipped,
      // If the redrive stopped, somebody has to act on the cause. Otherwise, the operator's reason says what the task
      // is for.
      task.why ?? task.reason,
    ])
  },
}

export const showRedrive: Command = {
  name: 'redrives show',
  usage: '<id>',
  summary: 'the progress of a redrive, or how it ended',
  examples: ['redrives show 3f0c7a52-8d5e-4b6f-9a34-0d2f1c9b7e61'],
  takes: 1,
  run: async (context) => report(await ask(context, 'GET', '')),
}

export const cancelRedrive: Command = {
  name: 'redrives cancel',
  usage: '<id>',
  summary: 'ends a redrive; letters that were not sent yet stay dead',
  examples: ['redrives cancel 3f0c7a52-8d5e-4b6f-9a34-0d2f1c9b7e61 --reason "The wrong group."'],
  takes: 1,
  options: REASON,
  run: async (context) => report(await ask(context, 'POST', '/cancel')),
}

export const resumeRedrive: Command = {
  name: 'redrives resume',
  usage: '<id>',
  summary: 'continues a redrive that stopped or was cancelled, and waits until it ends',
  examples: ['redrives resume 3f0c7a52-8d5e-4b6f-9a34-0d2f1c9b7e61 --reason "The store is back."'],
  takes: 1,
  processes: true,
  options: REASON,
  run: async (context) => follow(context, await ask(context, 'POST', '/resume')),
}

async function ask(context: CommandContext, method: 'GET' | 'POST', verb: string): Promise<RedriveTask> {
  const body = method === 'GET' ? undefined : given(context, 'reason')
  return (await context.client.request(method, `/api/redrives/${idSegment(context)}${verb}`, body)) as RedriveTask
}

async function preview(context: CommandContext, body: Record<string, unknown>): Promise<Outcome> {
  const items: RedrivePreview[] = []
  let warned: Warned = {}
  const asked = { ...body, dryRun: true }
  for await (const page of pagesOf<Page<RedrivePreview> & Warned>(context, '/api/dead-letters/redrive', asked)) {
    warned = page
    items.push(...page.items)
    context.progress(`${items.length} tried`)
  }
  const { warning } = warned
  const rows = items.flatMap(({ id, orderId, outcome, cause, followers = [] }) => [
    [id, orderId, outcome, cause?.detail],
    ...followers.map((follower) => [`  ${follower.changeId}`, orderId, follower.outcome, follower.cause?.detail]),
  ])
  const outcomes = table(['id', 'order', 'outcome', 'cause'], rows)
  return {
    answer: { items, nextCursor: null, ...(warning !== undefined && { warning }) },
    words: warning === undefined ? outcomes : `${outcomes}\nWarning: ${warning.detail}`,
    well: items.every(({ outcome }) => outcome !== 'still-fails'),
  }
}

/** The product warns when other consumers' letters are among those selected. */
interface Warned {
  readonly warning?: RedriveWarning
}

function progressOf({ resolved, failed, pending, waiting }: RedriveTask): string {
  return `${resolved} stored, ${failed} failed again, ${pending + waiting} to go`
}

async function follow(context: CommandContext, started: RedriveTask): Promise<Outcome> {
  const look = async ({ id }: RedriveTask) =>
    (await context.client.request('GET', `/api/redrives/${id}`)) as RedriveTask
  return report(await untilEnded(context, started, progressOf, look))
}

function report(task: RedriveTask): Outcome {
  const { id, state, why, total, resolved, failed } = task
  const words = `Redrive ${id} is ${state}${why === null ? '.' : `: ${why}`} ${resolved} of ${total} stored, ${failed} failed again.`
  return { answer: task, words, well: state !== 'stopped' && failed === 0 }
}
