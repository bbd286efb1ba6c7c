import type { Migrated } from '../../../shared/application/operations/migrate.ts'
import type { Command } from '../command.ts'
import { table } from '../table.ts'

export const migrate: Command = {
  name: 'migrate',
  creates: true,
  summary: 'brings the schema of the store up to date, as every start does, and applies LOG_RETENTION to topics',
  examples: ['migrate', 'migrate --json'],
  async run({ client, startedAt }) {
    const schema = (await client.request('POST', '/api/ops/migrate', undefined, {
      takesLong: true,
      isRepeatable: true,
    })) as Migrated
    // If no instance is running, this process ran the migrations when it opened the store.
    const isNew = (appliedAt: string) => Date.parse(appliedAt) >= startedAt
    const rows = schema.migrations.map(({ version, name, appliedAt }) => [
      version,
      name,
      appliedAt,
      isNew(appliedAt) ? 'now' : 'earlier',
    ])
    const run = schema.migrations.filter(({ appliedAt }) => isNew(appliedAt)).length
    const summary = run === 1 ? '1 migration was run.' : `${run} migrations were run.`
    const changed = schema.topics.map(
      ({ topic, setting, before, after }) => `${setting} of ${topic} was ${before} and is now ${after}.`,
    )
    const lines = [
      table(['version', 'name', 'at', 'run'], rows),
      '',
      run === 0 ? 'The schema was up to date.' : summary,
      ...(changed.length === 0 ? ['No topic was changed.'] : changed),
    ]
    return { answer: schema, words: lines.join('\n') }
  },
}
