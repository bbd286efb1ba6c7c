import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { LedgerRepair } from '../../../shared/application/ledger/repair-ledger.ts'
import type { PipelineStatus } from '../../../shared/application/operations/status.ts'
import { EXIT, REASON, requiredReason, type Command, type CommandContext } from '../command.ts'
import { table } from '../table.ts'

/** Without this line the figures look like those of a product at work. */
export const NOTHING_RUNS = 'No instance runs: nothing is accepted or processed. This is what the files say.'

const NOBODY_PROCESSES =
  'Nobody processes orders: their consumer group is empty. Start a processor, or enable consumeOrders.'

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'the state of the pipeline: records, lag, retries, dead letters, health',
  examples: ['status', 'status --json --url https://orders.example.com --key "$KEY"'],
  async run({ client, json, print }) {
    const now = (await client.request('GET', '/api/ops/status')) as PipelineStatus
    if (json) {
      print(JSON.stringify(now))
    } else {
      const { orders, retries, deadLetters, parked, readiness } = now
      if (client.isAlone === true) print(NOTHING_RUNS)
      print(
        `${client.target} is ${readiness.ready ? 'ready' : 'not ready'}${readiness.why === undefined ? '' : `. ${readiness.why}`}`,
      )
      if (orders.consumers === 0 && client.isAlone !== true) print(NOBODY_PROCESSES)
      print('')
      print(
        table(
          ['topic', 'records', 'waiting'],
          [
            [orders.topic, orders.records, orders.lag],
            ...retries.map(({ topic, waiting }) => [topic, null, waiting]),
            [deadLetters.topic, deadLetters.records, deadLetters.waiting],
          ],
        ),
      )
      if (orders.behindTransaction > 0) {
        print(`${orders.behindTransaction} more in ${orders.topic} wait behind an open transaction.`)
      }
      print('')
      print(
        `stored ${orders.stored}, duplicate ${orders.duplicate}, ${Object.entries(parked)
          .map(([state, count]) => `${state} ${count}`)
          .join(', ')} (of those that were parked)`,
      )
    }
    return now.readiness.ready ? EXIT.ok : EXIT.notWell
  },
}

export const ledger: Command = {
  name: 'ledger',
  usage: '',
  summary: 'whether every record of the orders topic is accounted for; exits 1 when it does not balance',
  examples: ['ledger', 'ledger --json | jq .totals'],
  async run(context) {
    const verdict = (await context.client.request('GET', '/api/ops/ledger')) as LedgerVerdict
    printVerdict(verdict, context)
    return verdict.balanced ? EXIT.ok : EXIT.notWell
  },
}

export const repairLedger: Command = {
  name: 'ledger repair',
  usage: '',
  processes: true,
  summary: 'stores or parks records that were passed over',
  examples: ['ledger repair'],
  async run(context) {
    const { processed, why, ledger } = await repairOn(context, await askForRepair(context))
    if (!context.json) context.print(`${processed} ${processed === 1 ? 'record' : 'records'} processed.`)
    if (!context.json && why !== null) context.print(why)
    printVerdict(ledger, context)
    return ledger.balanced ? EXIT.ok : EXIT.notWell
  },
}

export const resetLedger: Command = {
  name: 'ledger reset',
  usage: '--reason <text>',
  processes: true,
  summary: 'starts counting again where the log begins now; for a log that was truncated or recreated',
  examples: ['ledger reset --reason "The topic was recreated."'],
  options: {
    ...REASON,
    force: { type: 'boolean', help: 'resets a ledger that balances, too' },
  },
  async run(context) {
    const reason = requiredReason(context)
    const body = { reason, force: context.options['force'] === true }
    const begun = (await context.client.request('POST', '/api/ops/ledger/reset', body)) as RepairAnswer
    const { processed, why, ledger } = await repairOn(context, begun)
    if (!context.json) context.print(`The ledger starts again from here. ${processed} records were read again.`)
    if (!context.json && why !== null) context.print(why)
    printVerdict(ledger, context)
    return ledger.balanced ? EXIT.ok : EXIT.notWell
  },
}

interface RepairAnswer extends LedgerRepair {
  readonly ledger: LedgerVerdict
}

async function askForRepair({ client }: CommandContext): Promise<RepairAnswer> {
  return (await client.request('POST', '/api/ops/ledger/repair')) as RepairAnswer
}

/** One request repairs for some seconds, so it is repeated until nothing is left. */
async function repairOn(context: CommandContext, begun: RepairAnswer): Promise<RepairAnswer> {
  let answer = begun
  while (answer.more) {
    context.progress(`${answer.processed} records processed, ${answer.ledger.totals.gaps} to go`)
    const next = await askForRepair(context)
    answer = { ...next, processed: answer.processed + next.processed }
  }
  return answer
}

function printVerdict(verdict: LedgerVerdict, { json, print }: CommandContext): void {
  if (json) {
    print(JSON.stringify(verdict))
    return
  }
  const rows = verdict.partitions.map((line) => [
    line.partition,
    line.first,
    line.next,
    line.end,
    line.stored,
    line.duplicate,
    line.parked,
    line.gaps,
    line.damaged,
    line.lost,
    line.toCome,
  ])
  const header = [
    'partition',
    'first',
    'next',
    'end',
    'stored',
    'duplicate',
    'parked',
    'gaps',
    'damaged',
    'lost',
    'to come',
  ]
  print(table(header, rows, undefined, ['first', 'end', 'next']))
  print('')
  print(verdict.summary)
}
