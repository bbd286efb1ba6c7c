import { expect, test } from 'vitest'
import { deadLetterId } from '../../../shared/ports/dead-letters.ts'
import { FROM_THE_BEGINNING } from '../../../shared/ports/retention.ts'
import { describeMssql } from '../open-mssql.ts'
import { actAt, letterOf, orderAt } from '../store-fixtures.ts'
import { removedEntriesContract } from '../store/retention/removed-entries.contract.ts'
import { removedLettersContract } from '../store/retention/removed-letters.contract.ts'

describeMssql((open, _again, database) => {
  removedLettersContract('SQL Server', open, { forgets: false })
  removedEntriesContract('SQL Server', open)

  test('a removed letter keeps nothing of its record', async () => {
    await using opened = await open()
    const order = orderAt(0)
    const { origin } = order
    const secret = { stack: 'at Alex', headers: [['name', Buffer.from('Alex')]], redriveOf: 'orders:0:9' } as const
    await opened.deadLetters.keep([letterOf(order, secret)])
    await opened.redriveTasks.recordEdit(deadLetterId(origin), Buffer.from('Alex'), actAt(1))
    await opened.redriveTasks.discard(deadLetterId(origin), actAt(1))
    const bounds = { olderThan: actAt(2).at, from: FROM_THE_BEGINNING, limit: 9 }
    expect(await opened.retention.remove('dead-letters', bounds)).toMatchObject({ removed: 1 })
    await database.run(`
      IF NOT EXISTS (
        SELECT 1 FROM dead_letters AS d
        WHERE d.removed_at IS NOT NULL AND d.record_key IS NULL AND d.record_value IS NULL AND d.stack IS NULL
          AND d.redrive_of IS NULL AND d.headers = N'[]' AND DATALENGTH(d.edited_value) = 0 AND d.last_detail = N''
          AND d.first_detail = N'' AND d.fingerprint = N''
      )
        THROW 50000, 'Something is left.', 1;`)
  })
})
