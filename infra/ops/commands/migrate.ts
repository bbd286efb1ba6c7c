import type { Schema } from '../../../shared/ports/maintenance.ts'
import { EXIT, type Command } from '../command.ts'
import { table } from '../table.ts'

export const migrate: Command = {
  name: 'migrate',
  usage: '',
  creates: true,
  summary: 'brings the schema of the store up to date, as every start does, and lists its migrations',
  examples: ['migrate', 'migrate --json'],
  async run({ client, json, print, startedAt }) {
    const schema = (await client.request('POST', '/api/ops/migrate')) as Schema
    if (json) {
      print(JSON.stringify(schema))
      return EXIT.ok
    }
    // Where no instance runs, opening the store has run them already.
    const isNew = (appliedAt: string) => Date.parse(appliedAt) >= startedAt
    const rows = schema.migrations.map(({ version, name, appliedAt }) => [
      version,
      name,
      appliedAt,
      isNew(appliedAt) ? 'just now' : 'before',
    ])
    const run = schema.migrations.filter(({ appliedAt }) => isNew(appliedAt)).length
    print(table(['version', 'name', 'at', 'run'], rows))
    print('')
    print(run === 0 ? 'The schema was up to date.' : run === 1 ? '1 migration was run.' : `${run} migrations were run.`)
    return EXIT.ok
  },
}
