import type { Rebuild } from '../../../shared/ports/maintenance.ts'
import {
  EXIT,
  REASON,
  reasonBody,
  show,
  untilEnded,
  UsageError,
  type Command,
  type CommandContext,
  type ExitCode,
} from '../command.ts'

export const rebuild: Command = {
  name: 'rebuild',
  usage: '',
  summary: 'builds the orders of the store again from the log, beside the live ones, and swaps them in',
  examples: ['rebuild --reason "The event has a new version."', 'rebuild --detach', 'rebuild --show'],
  options: {
    ...REASON,
    detach: { type: 'boolean', help: 'do not wait for its end; needs an instance that runs' },
    show: { type: 'boolean', help: 'starts none; says how far one is, or how the last one ended' },
  },
  async run(context) {
    if (context.options['show'] === true) return report(context, await look(context))
    const isDetached = context.options['detach'] === true
    if (isDetached && context.client.isAlone === true) {
      throw new UsageError('--detach needs an instance that runs: this process would end, and the rebuild with it.')
    }
    const begun = (await context.client.request('POST', '/api/ops/rebuild', reasonBody(context))) as Rebuild
    if (isDetached) return report(context, begun)
    const ended = await untilEnded(context, begun, progressOf, async (before) => (await look(context)) ?? before)
    return report(context, ended)
  },
}

async function look({ client }: CommandContext): Promise<Rebuild | null> {
  return ((await client.request('GET', '/api/ops/rebuild')) as { rebuild: Rebuild | null }).rebuild
}

function progressOf({ phase, records, recordsInAll, completed }: Rebuild): string {
  if (phase === 'projecting') return `reading the log: ${records} of ${recordsInAll} records`
  return phase === 'completing' ? `filling the full-text index: ${completed} orders` : 'swapping'
}

function report(context: CommandContext, rebuild: Rebuild | null): ExitCode {
  show(context, { rebuild }, rebuild === null ? 'There was no rebuild yet.' : wordsFor(rebuild))
  return rebuild === null || rebuild.state === 'done' || rebuild.state === 'running' ? EXIT.ok : EXIT.notWell
}

function wordsFor(rebuild: Rebuild): string {
  const { state, why, records, projected, restored, kept } = rebuild
  const figures = `${records} records read, ${projected} orders made again (${restored} of them had been lost), ${kept} kept as they were`
  switch (state) {
    case 'running':
      return `The rebuild is running, ${progressOf(rebuild)}.`
    case 'done':
      return `The rebuild is done: ${figures}.`
    case 'failed':
      return `The rebuild failed, and the orders are as before. ${why ?? ''}`.trimEnd()
    case 'abandoned':
      return 'The process that ran the rebuild is gone, and the orders are as before. Start another rebuild.'
  }
}
