import type { Diagnosis } from '../../../shared/application/operations/doctor.ts'
import type { Command } from '../command.ts'
import { NOTHING_RUNS } from './status.ts'
import { table } from '../table.ts'

export const doctor: Command = {
  name: 'doctor',
  summary: 'checks versions, settings, log, store, disk and ledger; exits 1 when something is wrong',
  examples: ['doctor'],
  async run({ client }) {
    const asked = (await client.request('GET', '/api/ops/doctor', undefined, { takesLong: true })) as Diagnosis
    // Without a running instance there are no consumers. The check for them is left out, because NOTHING_RUNS already
    // says so.
    const checks = asked.checks.filter(({ name }) => client.isAlone !== true || name !== 'consumers')
    const diagnosis: Diagnosis = { well: checks.every(({ well }) => well), checks }
    const rows = checks.map(({ name, well, partial, detail }) => [
      name,
      well ? (partial === true ? 'ok so far' : 'ok') : 'NOT OK',
      detail,
    ])
    // The table's lines are never cut off, because the last column explains what to do.
    const found = table(['check', 'result', 'details'], rows, Number.POSITIVE_INFINITY)
    const words = client.isAlone === true ? `${NOTHING_RUNS}\n${found}` : found
    return { answer: diagnosis, words, well: diagnosis.well }
  },
}
