import type { Rebuild } from '../../../shared/ports/maintenance.ts'
import { given, REASON, untilEnded, UsageError, type Command, type CommandContext, type Outcome } from '../command.ts'

export const rebuild: Command = {
  name: 'rebuild',
  summary: 'recreates the orders of the store from the log, alongside the live ones, then swaps them in',
  examples: ['rebuild --reason "The event has a new version."', 'rebuild --detach', 'rebuild --show'],
  options: {
    ...REASON,
    detach: { type: 'boolean', help: 'does not wait for the rebuild to end; needs a running instance' },
    show: { type: 'boolean', help: 'only shows the progress or outcome of the last rebuild' },
  },
  async run(context) {
    if (context.options['show'] === true) return report(await look(context))
    const isDetached = context.options['detach'] === true
    if (isDetached && context.client.isAlone === true) {
      throw new UsageError('--detach needs a running instance: the rebuild would end with this process.')
    }
    const begun = (await context.client.request('POST', '/api/ops/rebuild', given(context, 'reason'))) as Rebuild
    if (isDetached) return report(begun)
    const ended = await untilEnded(context, begun, progressOf, async (before) => (await look(context)) ?? before)
    return report(ended)
  },
}

async function look({ client }: CommandContext): Promise<Rebuild | null> {
  return ((await client.request('GET', '/api/ops/rebuild')) as { rebuild: Rebuild | null }).rebuild
}

function progressOf({ phase, records, recordsInAll, completed }: Rebuild): string {
  if (phase === 'projecting') return `reading the log: ${records} of ${recordsInAll} records`
  return phase === 'completing' ? `filling the full-text index: ${completed} orders` : 'swapping'
}

function report(rebuild: Rebuild | null): Outcome {
  if (rebuild === null) return { answer: { rebuild }, words: 'There has been no rebuild yet.' }
  const well = rebuild.state === 'done' || rebuild.state === 'running'
  return { answer: { rebuild }, words: wordsFor(rebuild), well }
}

function wordsFor(rebuild: Rebuild): string {
  const { state, why, records, projected, restored, kept, expired } = rebuild
  const ofKept = expired === 0 ? '' : ` (${expired} of them because their records have left the log)`
  const figures = `${records} records read, ${projected} orders rebuilt (${restored} of them had been lost), ${kept} kept as they were${ofKept}`
  switch (state) {
    case 'running':
      return `The rebuild is running, ${progressOf(rebuild)}.`
    case 'done':
      return `The rebuild is done: ${figures}.`
    case 'failed':
      return `The rebuild failed, and the orders are unchanged. ${why ?? ''}`.trimEnd()
    case 'abandoned':
      return 'The process that ran the rebuild has ended, and the orders are unchanged. Start another rebuild.'
  }
}
