import { OrderError } from '../domain/errors.ts'

/**
 * For the compiled functions. `engines` in package.json and infra/host/preload.js ask for a newer version, because the
 * sources and SQLite need it.
 */
const MAJOR = 22
const MINOR = 18

/** Throws `invalid-setting` for an older Node, which would otherwise fail later with an unclear error. */
export function refuseOldNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return
  throw new OrderError('invalid-setting', `Node ${version} is too old: this needs Node ${MAJOR}.${MINOR} or later.`)
}
