import type { LedgerVerdict } from '../../../shared/application/ledger.ts'
import type { PipelineStatus } from '../../../shared/application/status.ts'
import { EXIT, text, UsageError, type Command } from '../command.ts'
import { table } from '../table.ts'

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'where the pipeline stands: records, lag, retries, dead letters, health',
  async run({ client, json, print }) {
    const now = (await client.request('GET', '/api/ops/status')) as PipelineStatus
    if (json) {
      print(JSON.stringify(now))
    } else {
      const { orders, retries, deadLetters, parked, readiness } = now
      print(
        `${client.target} is ${readiness.ready ? 'ready' : 'not ready'}${readiness.why === undefined ? '' : `. ${readiness.why}`}`,
      )
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
  async run({ client, json, print }) {
    const verdict = (await client.request('GET', '/api/ops/ledger')) as LedgerVerdict
    printVerdict(verdict, json, print)
    return verdict.balanced ? EXIT.ok : EXIT.notWell
  },
}

export const repairLedger: Command = {
  name: 'ledger repair',
  usage: '',
  processes: true,
  summary: 'stores or parks records that were passed over',
  async run({ client, json, print }) {
    const answer = (await client.request('POST', '/api/ops/ledger/repair')) as {
      processed: number
      ledger: LedgerVerdict
    }
    if (!json) print(`${answer.processed} records processed.`)
    printVerdict(answer.ledger, json, print)
    return answer.ledger.balanced ? EXIT.ok : EXIT.notWell
  },
}

export const resetLedger: Command = {
  name: 'ledger reset',
  usage: '--reason <text>',
  processes: true,
  summary: 'counts anew from where the log begins now: for a log that was truncated or made anew',
  options: {
    reason: { type: 'string', help: 'why; it is kept in the audit list' },
    force: { type: 'boolean', help: 'though the ledger balances' },
  },
  async run(context) {
    const { client, json, print } = context
    const reason = text(context, 'reason')
    if (reason === undefined) throw new UsageError('--reason is missing.')
    const body = { reason, force: context.options['force'] === true }
    const answer = (await client.request('POST', '/api/ops/ledger/reset', body)) as {
      processed: number
      ledger: LedgerVerdict
    }
    if (!json) print(`The ledger begins anew. ${answer.processed} records were read again.`)
    printVerdict(answer.ledger, json, print)
    return answer.ledger.balanced ? EXIT.ok : EXIT.notWell
  },
}

function printVerdict(verdict: LedgerVerdict, json: boolean, print: (text: string) => void): void {
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
    line.toCome,
  ])
  print(table(['partition', 'first', 'next', 'end', 'stored', 'duplicate', 'parked', 'gaps', 'to come'], rows))
  print('')
  print(verdict.summary)
}
