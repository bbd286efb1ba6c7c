import { WorkloadIdentityCredential } from '@azure/identity'
import type sql from 'mssql'
import { messageOf, OrderError } from '../../../domain/errors.ts'

/** The values of a connection string, by lower-case keyword. */
export type Words = Pick<ReadonlyMap<string, string>, 'get'>

type Authentication = NonNullable<sql.config['authentication']>
type Options = NonNullable<Authentication['options']>

/**
 * Microsoft's `Authentication` values (Microsoft.Data.SqlClient, SqlAuthenticationMethod), in lower case, with their
 * equivalents in tedious 19.2. In Microsoft's driver, `Active Directory Integrated` means Kerberos, which Node does not
 * support. Here it means the environment's default credential, as it always has in mssql.
 */
const METHODS: Readonly<Record<string, (words: Words) => Authentication | undefined>> = {
  'sql password': () => undefined,
  sqlpassword: () => undefined,
  ntlm: () => undefined,
  'active directory default': ofTheEnvironment,
  'active directory integrated': (words) =>
    words.get('token') === undefined
      ? ofTheEnvironment(words)
      : { type: 'azure-active-directory-access-token', options: { token: wanted(words, ['token'], 'Token') } },
  'active directory managed identity': managedIdentity,
  'active directory msi': managedIdentity,
  'active directory workload identity': workloadIdentity,
  'active directory service principal': (words) => ({
    type: 'azure-active-directory-service-principal-secret',
    options: {
      clientId: wanted(words, CLIENT_ID, 'Client Id'),
      clientSecret: wanted(words, ['client secret', 'password', 'pwd'], 'Client Secret'),
      // Microsoft's driver gets the tenant id from the server; tedious needs it beforehand.
      tenantId: wanted(words, ['tenant id'], 'Tenant Id'),
    },
  }),
  'active directory password': (words) => ({
    type: 'azure-active-directory-password',
    options: {
      userName: wanted(words, USER, 'User Id'),
      password: wanted(words, ['password', 'pwd'], 'Password'),
      clientId: wanted(words, ['client id'], 'Client Id'),
      // Allows any organisation, as tedious does by default.
      tenantId: first(words, ['tenant id']) ?? 'common',
    },
  }),
}

/** Microsoft's drivers also accept an identity's client id as the user name. */
const USER = ['user id', 'uid']
const CLIENT_ID = ['client id', ...USER]

/**
 * The authentication for tedious; undefined for SQL logins and NTLM, which the driver's own parser reads correctly.
 * Throws `invalid-setting` for an unknown value, for a value that requires a person to sign in, and for a missing
 * keyword.
 */
export function authenticationOf(words: Words): Authentication | undefined {
  const said = words.get('authentication')?.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  if (said === undefined || said === '') {
    if (isOn(words.get('integrated security') ?? words.get('trusted_connection'))) {
      throw refusal('asks for Integrated Security, which needs Windows: name a user, or an Entra ID Authentication')
    }
    return undefined
  }
  const method = METHODS[said]
  if (method !== undefined) return method(words)
  if (/^active directory (?:interactive|device code flow)$/.test(said)) {
    throw refusal('has an Authentication that requires a person to sign in: use Active Directory Managed Identity')
  }
  const known = 'Active Directory Default, Managed Identity, Workload Identity, Service Principal, Integrated, Password'
  throw refusal(`has an unknown Authentication; the known values are Sql Password, NTLM and ${known}`)
}

function ofTheEnvironment(words: Words): Authentication {
  return { type: 'azure-active-directory-default', options: option('clientId', first(words, CLIENT_ID)) }
}

/**
 * The user-assigned identity if a client id is given, otherwise the system-assigned one. Works on App Service and on
 * virtual machines alike.
 */
function managedIdentity(words: Words): Authentication {
  return { type: 'azure-active-directory-msi-vm', options: option('clientId', first(words, CLIENT_ID)) }
}

/**
 * tedious has no type for workload identities, so it gets a credential object instead. Values that the connection
 * string omits come from the environment (AZURE_CLIENT_ID, …).
 */
function workloadIdentity(words: Words): Authentication {
  const named = {
    ...option('clientId', first(words, CLIENT_ID)),
    ...option('tenantId', words.get('tenant id')),
  }
  try {
    const options = { credential: new WorkloadIdentityCredential(named) } as unknown as Options
    return { type: 'token-credential', options } as unknown as Authentication
  } catch (error) {
    const [sentence] = messageOf(error).split('\n')
    throw refusal(`asks for a workload identity that this environment does not have: ${sentence}`)
  }
}

function wanted(words: Words, names: readonly string[], name: string): string {
  const value = first(words, names)
  if (value === undefined) throw refusal(`has an Authentication that needs ${name}`)
  return value
}

function first(words: Words, names: readonly string[]): string | undefined {
  return names.map((name) => words.get(name)?.trim()).find((value) => value !== undefined && value !== '')
}

function option<Name extends string>(name: Name, value: string | undefined): { readonly [N in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: string })
}

function isOn(word: string | undefined): boolean {
  return word !== undefined && /^(?:true|yes|sspi|1)$/i.test(word.trim())
}

function refusal(fault: string): OrderError {
  return new OrderError('invalid-setting', `SQL_CONNECTION_STRING ${fault}.`)
}
