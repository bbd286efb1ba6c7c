import type { Diagnosis } from '../../../shared/application/operations/doctor.ts'
import { EXIT, type Command } from '../command.ts'
import { NOTHING_RUNS } from './status.ts'
import { table } from '../table.ts'

export const doctor: Command = {
  name: 'doctor',
  usage: '',
  summary: 'checks versions, settings, log, store, disk and ledger; exits 1 when something is not well',
  examples: ['doctor'],
  async run({ client, json, print }) {
    const asked = (await client.request('GET', '/api/ops/doctor')) as Diagnosis
    // Where nothing runs, nobody processes orders; a line of its own says so.
    const checks = asked.checks.filter(({ name }) => client.isAlone !== true || name !== 'consumers')
    const diagnosis: Diagnosis = { well: checks.every(({ well }) => well), checks }
    if (json) print(JSON.stringify(diagnosis))
    else {
      const rows = diagnosis.checks.map(({ name, well, partial, detail }) => [
        name,
        well ? (partial === true ? 'well so far' : 'well') : 'NOT WELL',
        detail,
      ])
      if (client.isAlone === true) print(NOTHING_RUNS)
      // Never cut, because the last column says what to do.
      print(table(['check', 'is', 'found'], rows, Number.POSITIVE_INFINITY))
    }
    return diagnosis.well ? EXIT.ok : EXIT.notWell
  },
}
