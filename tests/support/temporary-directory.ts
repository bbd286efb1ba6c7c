import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory for the running test, removed after the test and its `afterEach` hooks. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
