import { OrderError } from '../domain/errors.ts'

/** As `engines` in package.json says; infra/host/node-version.js says the same before any TypeScript is read. */
const MAJOR = 22
const MINOR = 18

/** Throws `invalid-setting` in one line: an older Node fails later, at whatever it lacks first. */
export function refuseOldNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return
  throw new OrderError('invalid-setting', `Node ${version} is too old: this needs Node ${MAJOR}.${MINOR} or later.`)
}
