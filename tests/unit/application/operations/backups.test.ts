import { describe, expect, it } from 'vitest'
import { createBackups } from '../../../../shared/application/operations/backups.ts'
import type { BackUp } from '../../../../shared/ports/backup.ts'
import type { Act } from '../../../../shared/ports/redrives.ts'

const ACT: Act = { operator: 'kim', verified: false, at: '2026-01-31T12:00:00.000Z', reason: null }

function given(backUp: BackUp | undefined) {
  const audit: string[] = []
  const backups = createBackups({
    backUp,
    maintenance: {
      async recordAct(action, target) {
        audit.push(`${action} ${target}`)
      },
    },
    now: () => new Date('2026-01-31T12:00:00.123Z'),
  })
  const ended = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return backups.current()
  }
  return { backups, audit, ended }
}

describe('a backup', () => {
  it('is named after the time by default, and reports its location and size', async () => {
    const { backups, audit, ended } = given(async (name) => ({ folder: `/data/backups/${name}`, bytes: 7 }))
    expect(backups.current()).toBeNull()
    expect(await backups.start(undefined, ACT)).toMatchObject({ state: 'running', name: '2026-01-31T12-00-00Z' })
    expect(await ended()).toMatchObject({ state: 'done', folder: '/data/backups/2026-01-31T12-00-00Z', bytes: 7 })
    await backups.start('monday', ACT)
    expect(audit).toEqual(['backup 2026-01-31T12-00-00Z', 'backup monday'])
  })

  it('reports why it failed, and another can be made', async () => {
    const { backups, ended } = given(() => Promise.reject(new Error('No room.')))
    await backups.start('monday', ACT)
    expect(await ended()).toMatchObject({ state: 'failed', why: 'No room.', folder: null })
    expect(await backups.start('monday', ACT)).toMatchObject({ state: 'running' })
  })

  it('is refused while one runs, and where log or store are elsewhere', async () => {
    const { backups, audit } = given(() => new Promise(() => undefined))
    await backups.start('monday', ACT)
    await expect(backups.start('tuesday', ACT)).rejects.toMatchObject({ code: 'conflict' })
    expect(audit).toEqual(['backup monday'])
    const elsewhere = given(undefined)
    await expect(elsewhere.backups.start('monday', ACT)).rejects.toThrow('the runbook says how')
    expect(elsewhere.audit).toEqual([])
  })
})
