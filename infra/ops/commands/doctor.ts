import type { Diagnosis } from '../../../shared/application/doctor.ts'
import { EXIT, type Command } from '../command.ts'
import { table } from '../table.ts'

export const doctor: Command = {
  name: 'doctor',
  usage: '',
  summary: 'looks at versions, settings, log, store, disk and ledger; exits 1 when something is not well',
  examples: ['doctor'],
  async run({ client, json, print }) {
    const diagnosis = (await client.request('GET', '/api/ops/doctor')) as Diagnosis
    if (json) print(JSON.stringify(diagnosis))
    else {
      const rows = diagnosis.checks.map(({ name, well, detail }) => [name, well ? 'well' : 'NOT WELL', detail])
      // Never cut: what is found says what to do.
      print(table(['check', 'is', 'found'], rows, Number.POSITIVE_INFINITY))
    }
    return diagnosis.well ? EXIT.ok : EXIT.notWell
  },
}
