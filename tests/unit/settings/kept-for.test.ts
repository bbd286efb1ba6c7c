import { expect, test } from 'vitest'
import { readConfig } from '../../../shared/settings/config.ts'
import { keptFor } from '../../../shared/settings/kept-for.ts'

test('operators read how long everything is kept', () => {
  expect(keptFor(readConfig({}, 'embedded'))).toBe(
    'Retention: records in the log forever, settled dead letters forever, histories forever, the audit log forever.',
  )
  const settings = {
    LOG_RETENTION: '90d',
    SETTLED_RETENTION: '36h',
    HISTORY_RETENTION: '1441m',
    AUDIT_RETENTION: '365d',
  }
  expect(keptFor(readConfig(settings, 'embedded'))).toBe(
    'Retention: records in the log for 90 d, settled dead letters for 36 h, histories for 1441 min, the audit log for 365 d.',
  )
})
