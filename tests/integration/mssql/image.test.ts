import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const SCRIPTS = join(import.meta.dirname, '..', '..', '..', 'infra', 'docker', 'mssql')
const RUNBOOK = join(SCRIPTS, '..', '..', '..', 'docs', 'runbook.md')
const SECRETS = { MSSQL_SA_PASSWORD: 'Password-of-sa-1', ORDERS_SQL_PASSWORD: 'Password_of-orders-1' }
/** Stands in for sqlcmd: records its arguments, input and password, and fails as many times as `refusals` says. */
const SQLCMD = `#!/bin/sh
echo "$@" >> calls
left=$(cat refusals 2> /dev/null || echo 0)
if [ "$left" -gt 0 ]; then echo $((left - 1)) > refusals; exit 1; fi
[ -t 0 ] || cat >> statements
printf '%s' "$SQLCMDPASSWORD" > password
`

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
  writeFileSync(join(directory, 'sqlcmd'), SQLCMD, { mode: 0o755 })
})

function run(script: string, secrets: Record<string, string> = SECRETS) {
  const { PATH = '' } = process.env
  const env = { PATH, SQLCMD: join(directory, 'sqlcmd'), ...secrets }
  return spawnSync('bash', [join(SCRIPTS, script)], { cwd: directory, env, encoding: 'utf8', input: '' })
}

const told = (name: string) => (existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : '')

describe.skipIf(process.platform === 'win32')('the image of SQL Server', () => {
  test('creates the database and its login as the administrator when the server answers', () => {
    writeFileSync(join(directory, 'refusals'), '1')
    const { status, stderr } = run('setup-database.sh')
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(told('statements')).toContain('CREATE DATABASE orders')
    expect(told('statements')).toContain(`CREATE LOGIN orders WITH PASSWORD = '${SECRETS.ORDERS_SQL_PASSWORD}'`)
    // If the password in .env is changed, the next start gives the login the new one.
    expect(told('statements')).toContain(`ALTER LOGIN orders WITH PASSWORD = '${SECRETS.ORDERS_SQL_PASSWORD}'`)
    expect(told('statements')).toContain('READ_COMMITTED_SNAPSHOT ON')
    const roles = [...told('statements').matchAll(/ALTER ROLE (\w+) ADD MEMBER orders/g)].map(([, role]) => role)
    expect(roles).toEqual(['db_datareader', 'db_datawriter', 'db_ddladmin'])
    expect(told('statements')).toContain('ALTER ROLE db_owner DROP MEMBER orders')
    expect(told('password')).toBe(SECRETS.MSSQL_SA_PASSWORD)
  })

  test.each(['setup-database.sh', 'healthy.sh', 'backup.sh', 'restore.sh'])(
    '%s shows no password to `ps`',
    (script) => {
      expect(run(script).status).toBe(0)
      expect(told('calls')).not.toBe('')
      for (const secret of Object.values(SECRETS)) expect(told('calls')).not.toContain(secret)
    },
  )

  test('refuses a password that would end its quotes, before the server is contacted', () => {
    const { status, stderr } = run('setup-database.sh', { ...SECRETS, ORDERS_SQL_PASSWORD: "it's; DROP DATABASE" })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^ORDERS_SQL_PASSWORD may contain only letters, digits/)
    expect(told('calls')).toBe('')
  })

  test('is healthy only when the functions’ own login finds its database', () => {
    expect(run('healthy.sh').status).toBe(0)
    expect(told('calls')).toContain('-U orders -d orders')
    expect(told('password')).toBe(SECRETS.ORDERS_SQL_PASSWORD)
    writeFileSync(join(directory, 'refusals'), '1')
    expect(run('healthy.sh').status).not.toBe(0)
  })

  test('restores only a verified backup from the backup folder', () => {
    run('backup.sh')
    const [, file = ''] = /TO DISK = N'([^']+)'/.exec(told('statements')) ?? []
    for (const name of ['calls', 'statements']) rmSync(join(directory, name))
    run('restore.sh')
    // Each step is a batch, because sqlcmd stops after a failing batch, but not after a failing statement within one.
    const batches = told('statements').split('\nGO\n')
    const steps = batches.map((batch) => /RESTORE VERIFYONLY|SET OFFLINE|RESTORE DATABASE|ALTER USER/.exec(batch)?.[0])
    expect(steps).toEqual(['RESTORE VERIFYONLY', 'SET OFFLINE', 'RESTORE DATABASE', 'ALTER USER', undefined])
    expect(batches[2]).toContain(`FROM DISK = N'${file}'`)
    expect(told('calls')).toContain(' -b')
  })

  test('the file to restore is written by the user of SQL Server, who has to read it', () => {
    const documented = /`?(docker compose [^`\n]*orders\.bak[^`\n]*)`?/
    const restoring = readFileSync(RUNBOOK, 'utf8').split('\n## Restore\n')[1] ?? ''
    const [, command = ''] = documented.exec(restoring) ?? []
    expect(documented.exec(readFileSync(join(SCRIPTS, 'restore.sh'), 'utf8'))?.[1]).toBe(command)
    // Stands in for Compose: runs a command in the container, as its user. Copying is not enough.
    const docker = '#!/bin/sh\n[ "$1 $2 $3 $4" = "compose exec -T sqlserver" ] || exit 1\nshift 4\nexec "$@"\n'
    writeFileSync(join(directory, 'docker'), docker, { mode: 0o755 })
    writeFileSync(join(directory, 'orders.bak'), 'a backup')
    mkdirSync(join(directory, 'volume'))
    const here = command.replaceAll('/var/opt/mssql', join(directory, 'volume'))
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}` }
    expect(spawnSync('sh', ['-c', here], { cwd: directory, env, encoding: 'utf8' })).toMatchObject({ status: 0 })
    expect(told('volume/orders.bak')).toBe('a backup')
  })
})
