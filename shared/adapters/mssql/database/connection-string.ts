import { parse } from '@tediousjs/connection-string'
import sql from 'mssql'
import { OrderError } from '../../../domain/errors.ts'
import { authenticationOf, type Words } from './authentication.ts'

/** A parsed connection string, in the form that the driver expects. */
export interface ReadConnection extends sql.config {
  readonly server: string
  readonly options: NonNullable<sql.config['options']>
}

/** `true` means TLS inside TDS 7.4; `strict` means TLS that is set up before TDS 8.0 begins. */
const ENCRYPTION: Readonly<Record<string, boolean | 'strict'>> = {
  true: true,
  yes: true,
  '1': true,
  mandatory: true,
  strict: 'strict',
  false: false,
  no: false,
  '0': false,
}

/**
 * Reads `SQL_CONNECTION_STRING`. The driver's own parser reads everything except the settings for the login and for
 * encryption. Those are read here, because the driver treats any unknown `Authentication` as SQL authentication, and
 * `Encrypt=Strict` as ordinary encryption (mssql 12.7.14). Throws `invalid-setting`. No error message includes a value,
 * because the value may be the password.
 */
export function readConnectionString(connectionString: string): ReadConnection {
  let parsed: sql.config
  let words: Words
  try {
    parsed = sql.ConnectionPool.parseConnectionString(connectionString)
    words = parse(connectionString)
  } catch {
    throw refusal('is not a connection string (Server of the form host,1433; Database)')
  }
  // If the server's name is empty, the parser takes the next keyword and its value as the name.
  if (typeof parsed.server !== 'string' || !/^[^;=]+$/.test(parsed.server)) {
    throw refusal('names no server (Server, of the form host,1433)')
  }
  const authentication = authenticationOf(words)
  return {
    ...parsed,
    server: parsed.server,
    options: { ...parsed.options, encrypt: encryptionOf(words) },
    // Otherwise, a domain in the user name would take precedence over the connection string's `Authentication`.
    ...(authentication !== undefined && { domain: undefined, authentication }),
  }
}

/** Uses TLS unless the connection string says otherwise, as Microsoft's drivers have done since 2022. */
function encryptionOf(words: Words): boolean | 'strict' {
  const said = words.get('encrypt')
  const encryption = said === undefined ? true : ENCRYPTION[said.trim().toLowerCase()]
  if (encryption === undefined)
    throw refusal('has an unknown Encrypt; the known values are True, Mandatory, Strict and False')
  return encryption
}

function refusal(fault: string): OrderError {
  return new OrderError('invalid-setting', `SQL_CONNECTION_STRING ${fault}.`)
}
