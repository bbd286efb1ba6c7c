import type { LedgerVerdict } from '../../../shared/application/ledger/ledger.ts'
import type { LedgerRepair } from '../../../shared/application/ledger/repair-ledger.ts'
import type { PipelineStatus } from '../../../shared/application/operations/status.ts'
import type { PipelineStorage } from '../../../shared/application/operations/storage.ts'
import { durationInWords } from '../../../shared/domain/times.ts'
import { REASON, requiredReason, type Command, type CommandContext, type Outcome } from '../command.ts'
import { table } from '../table.ts'

/** Without this line, the figures would appear to come from a running product. */
export const NOTHING_RUNS =
  'No instance is running: nothing is accepted or processed. These figures come from the files in DATA_DIR.'

const MIB = 1024 ** 2

const NOBODY_PROCESSES =
  'No instance processes orders: the consumer group is empty. Start a processor, or enable consumeOrders.'

export const status: Command = {
  name: 'status',
  summary: 'the state of the pipeline: records, lag, retries, dead letters, health',
  examples: ['status', 'status --json --url https://orders.example.com --key "$KEY"'],
  async run({ client }) {
    const now = (await client.request('GET', '/api/ops/status')) as PipelineStatus
    const { orders, retries, deadLetters, parked, readiness } = now
    const isAlone = client.isAlone === true
    const why = readiness.why === undefined ? '' : `. ${readiness.why}`
    const states = Object.entries(parked).map(([state, count]) => `${state} ${count}`)
    const lines = [
      isAlone && NOTHING_RUNS,
      `${client.target} is ${readiness.ready ? 'ready' : 'not ready'}${why}`,
      orders.consumers === 0 && !isAlone && NOBODY_PROCESSES,
      '',
      table(
        ['topic', 'records', 'waiting'],
        [
          [orders.topic, orders.records, orders.lag],
          ...retries.map(({ topic, waiting }) => [topic, null, waiting]),
          [deadLetters.topic, deadLetters.records, deadLetters.waiting],
        ],
      ),
      orders.behindTransaction > 0 &&
        `${orders.behindTransaction} more in ${orders.topic} wait behind an open transaction.`,
      '',
      `stored ${orders.stored}, duplicate ${orders.duplicate}, ${states.join(', ')} (current state of parked records)`,
    ]
    return { answer: now, words: lines.filter((line) => line !== false).join('\n'), well: readiness.ready }
  },
}

export const storage: Command = {
  name: 'storage',
  summary: 'the disk usage of log and store, and how far back the log reaches',
  examples: ['storage', 'storage --json | jq .log.oldestRecordAt'],
  async run({ client }) {
    const now = (await client.request('GET', '/api/ops/storage')) as PipelineStorage
    const { log, store, freeBytes } = now
    const kept = log.retentionMs === null ? 'forever' : durationInWords(log.retentionMs)
    const words = table(
      ['', 'MiB', 'oldest record', 'records are kept'],
      [
        [`log (${log.topic})`, inMib(log.bytes), log.oldestRecordAt, kept],
        ['store', inMib(store.bytes), null, null],
        ['free', inMib(freeBytes), null, null],
      ],
    )
    return { answer: now, words }
  },
}

export const ledger: Command = {
  name: 'ledger',
  summary: 'whether every record of the orders topic is accounted for; exits 1 when the ledger does not balance',
  examples: ['ledger', 'ledger --json | jq .totals'],
  run: async ({ client }) => report((await client.request('GET', '/api/ops/ledger')) as LedgerVerdict),
}

export const repairLedger: Command = {
  name: 'ledger repair',
  processes: true,
  summary: 'stores or parks records that were passed over',
  examples: ['ledger repair'],
  async run(context) {
    const { processed, why, ledger } = await repairOn(context, await askForRepair(context))
    return report(ledger, `${processed} ${processed === 1 ? 'record' : 'records'} processed.`, why)
  },
}

export const resetLedger: Command = {
  name: 'ledger reset',
  usage: '--reason <text>',
  processes: true,
  summary: 'starts counting again at the current beginning of the log, for a log that was truncated or recreated',
  examples: ['ledger reset --reason "The topic was recreated."'],
  options: {
    ...REASON,
    force: { type: 'boolean', help: 'resets the ledger even if it balances' },
  },
  async run(context) {
    const reason = requiredReason(context)
    const body = { reason, force: context.options['force'] === true }
    const begun = (await context.client.request('POST', '/api/ops/ledger/reset', body, {
      takesLong: true,
    })) as RepairAnswer
    const { processed, why, ledger } = await repairOn(context, begun)
    return report(
      ledger,
      `The ledger has begun a new epoch. ${processed} ${processed === 1 ? 'record was' : 'records were'} read again.`,
      why,
    )
  },
}

interface RepairAnswer extends LedgerRepair {
  readonly ledger: LedgerVerdict
}

async function askForRepair({ client }: CommandContext): Promise<RepairAnswer> {
  return (await client.request('POST', '/api/ops/ledger/repair', undefined, {
    takesLong: true,
    isRepeatable: true,
  })) as RepairAnswer
}

/** The server works on each request for at most a few seconds, so requests are repeated until nothing is left. */
async function repairOn(context: CommandContext, begun: RepairAnswer): Promise<RepairAnswer> {
  let answer = begun
  while (answer.more) {
    context.progress(`${answer.processed} records processed, ${answer.ledger.totals.gaps} to go`)
    const next = await askForRepair(context)
    answer = { ...next, processed: answer.processed + next.processed }
  }
  return answer
}

function report(verdict: LedgerVerdict, ...before: (string | null)[]): Outcome {
  const names = [
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
    'expired',
  ] as const
  const rows = verdict.partitions.map((line) => [...names.map((name) => line[name]), line.toCome])
  const figures = table([...names, 'to come'], rows, undefined, ['first', 'end', 'next'])
  const words = [...before.filter((line) => line !== null), figures, '', verdict.summary].join('\n')
  return { answer: verdict, words, well: verdict.balanced }
}

function inMib(bytes: number | null): string | null {
  return bytes === null ? null : (bytes / MIB).toFixed(1)
}
