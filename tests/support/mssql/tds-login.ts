/** The settings that the client sends before and during login ([MS-TDS] 2.2.6.4 and 2.2.6.5). */
export interface TdsLogin {
  readonly user: string
  readonly hasPassword: boolean
  readonly database: string
  /** The feature extension FEDAUTH: how Entra ID is used; undefined for a login with a user name and a password. */
  readonly federated: 'by a password' | 'by the environment' | 'by a token' | undefined
}

const USER_AT = 40
const PASSWORD_AT = 44
const DATABASE_AT = 68
const EXTENSION_AT = 56
const FLAGS_AT = 27
const HAS_EXTENSION = 0x10
const FEDAUTH = 0x02
const END = 0xff

export function readLogin(body: Buffer): TdsLogin {
  const textAt = (at: number) => {
    const [start, units] = [body.readUInt16LE(at), body.readUInt16LE(at + 2)]
    return body.toString('utf16le', start, start + units * 2)
  }
  return {
    user: textAt(USER_AT),
    hasPassword: body.readUInt16LE(PASSWORD_AT + 2) > 0,
    database: textAt(DATABASE_AT),
    federated: federationIn(body),
  }
}

function federationIn(body: Buffer): TdsLogin['federated'] {
  if ((body.readUInt8(FLAGS_AT) & HAS_EXTENSION) === 0) return undefined
  let at = body.readUInt32LE(body.readUInt16LE(EXTENSION_AT))
  while (body.readUInt8(at) !== END) {
    const length = body.readUInt32LE(at + 1)
    if (body.readUInt8(at) === FEDAUTH) {
      // The lowest bit echoes the server's flag. The remaining bits hold the number 1 if this message contains a token,
      // or 2 if a token follows later.
      const isToken = body.readUInt8(at + 5) >> 1 === 1
      if (isToken) return 'by a token'
      return body.readUInt8(at + 6) === 1 ? 'by a password' : 'by the environment'
    }
    at += 5 + length
  }
  return undefined
}

/** Whether the client's PRELOGIN requests encryption: 0 off, 1 on, 2 not supported, 3 required. */
export function encryptionIn(preLogin: Buffer): number {
  for (let at = 0; preLogin.readUInt8(at) !== END; at += 5) {
    if (preLogin.readUInt8(at) === 0x01) return preLogin.readUInt8(preLogin.readUInt16BE(at + 1))
  }
  throw new Error('The PRELOGIN says nothing about encryption.')
}
