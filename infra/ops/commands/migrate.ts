import type { Schema } from '../../../shared/ports/maintenance.ts'
import type { Command } from '../command.ts'
import { table } from '../table.ts'

export const migrate: Command = {
  name: 'migrate',
  creates: true,
  summary: 'brings the schema of the store up to date, as every start does, and lists its migrations',
  examples: ['migrate', 'migrate --json'],
  async run({ client, startedAt }) {
    const schema = (await client.request('POST', '/api/ops/migrate')) as Schema
    // If no instance is running, this process ran the migrations when it opened the store.
    const isNew = (appliedAt: string) => Date.parse(appliedAt) >= startedAt
    const rows = schema.migrations.map(({ version, name, appliedAt }) => [
      version,
      name,
      appliedAt,
      isNew(appliedAt) ? 'just now' : 'before',
    ])
    const run = schema.migrations.filter(({ appliedAt }) => isNew(appliedAt)).length
    const summary = run === 1 ? '1 migration was run.' : `${run} migrations were run.`
    const words = `${table(['version', 'name', 'at', 'run'], rows)}\n\n${run === 0 ? 'The schema was up to date.' : summary}`
    return { answer: schema, words }
  },
}
