import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createConnection } from '../../../shared/adapters/mssql/database/connection.ts'
import { encryptionIn, readLogin } from '../../support/mssql/tds-login.ts'
import { startTdsServer, type TdsServer } from '../../support/mssql/tds-server.ts'

/** The real driver's bytes for each way of signing in, as seen by a server without encryption. */
describe('signing in to SQL Server', () => {
  let server: TdsServer
  beforeEach(async () => {
    server = await startTdsServer(() => ({ error: 18456, message: 'Login failed.', severity: 14 }))
    process.env['AZURE_TENANT_ID'] = '00000000-0000-0000-0000-000000000001'
    process.env['AZURE_CLIENT_ID'] = '00000000-0000-0000-0000-000000000002'
    // The driver reads this file only if the server asks for a token.
    process.env['AZURE_FEDERATED_TOKEN_FILE'] = 'none'
  })
  afterEach(async () => {
    await server[Symbol.asyncDispose]()
    for (const name of ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE']) delete process.env[name]
  })

  async function signIn(words: string): Promise<unknown> {
    const connectionString = `Server=127.0.0.1,${server.port};Database=orders;${words}`
    await using connection = createConnection({ connectionString, onError: () => undefined })
    return connection.open().then(
      () => undefined,
      (error: unknown) => error,
    )
  }
  const login = () => {
    const request = server.requests.find(({ kind }) => kind === 'login')
    return request === undefined ? undefined : readLogin(request.body)
  }

  const BY_PASSWORD = { user: 'app', hasPassword: true, database: 'orders', federated: undefined }
  const BY_ENVIRONMENT = { user: '', hasPassword: false, database: 'orders', federated: 'by the environment' }
  const APP = 'Client Id=00000000-0000-0000-0000-000000000003'
  const ORGANISATION = 'Tenant Id=00000000-0000-0000-0000-000000000004'

  test.each([
    ['User Id=app;Password=s3cret', BY_PASSWORD],
    ['Authentication=Sql Password;User Id=app;Password=s3cret', BY_PASSWORD],
    ['Authentication=SqlPassword;uid=app;pwd=s3cret', BY_PASSWORD],
    ['Authentication=Active Directory Default', BY_ENVIRONMENT],
    [`authentication=active  directory default;${APP}`, BY_ENVIRONMENT],
    ['Authentication=Active Directory Managed Identity', BY_ENVIRONMENT],
    [`Authentication=Active Directory Managed Identity;${APP}`, BY_ENVIRONMENT],
    ['Authentication=Active Directory MSI;User Id=00000000-0000-0000-0000-000000000003', BY_ENVIRONMENT],
    ['Authentication=Active Directory Workload Identity', BY_ENVIRONMENT],
    [`Authentication=Active Directory Service Principal;${APP};Client Secret=s3cret;${ORGANISATION}`, BY_ENVIRONMENT],
    ['Authentication=Active Directory Integrated', BY_ENVIRONMENT],
    ['Authentication=Active Directory Integrated;Token=s3cret', { ...BY_ENVIRONMENT, federated: 'by a token' }],
    [
      `Authentication=Active Directory Password;User Id=a@example.com;Password=s3cret;${APP}`,
      { ...BY_ENVIRONMENT, federated: 'by a password' },
    ],
  ])('%s', async (words, expected) => {
    await signIn(`${words};Encrypt=False`)
    expect(login()).toEqual(expected)
  })

  test('nothing is sent without encryption unless the connection string says so', async () => {
    for (const encryption of ['', 'Encrypt=True', 'Encrypt=Mandatory']) {
      const error = await signIn(`User Id=app;Password=s3cret;${encryption}`)
      expect(error).toMatchObject({
        code: 'EENCRYPT',
        message: expect.stringMatching(/does not offer encryption/) as string,
      })
    }
    expect(login()).toBeUndefined()
    expect(server.preLogins.map(encryptionIn)).toEqual([1, 1, 1])
    await signIn('User Id=app;Password=s3cret;Encrypt=False')
    expect(login()).toEqual(BY_PASSWORD)
    expect(encryptionIn(server.preLogins.at(-1)!)).toBe(2)
  })

  test('Encrypt=Strict starts TLS before the driver sends any packet of the protocol', async () => {
    await signIn('User Id=app;Password=s3cret;Encrypt=Strict')
    expect(server.preLogins).toEqual([])
    expect(login()).toBeUndefined()
  })
})
