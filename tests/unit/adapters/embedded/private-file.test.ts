import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openDataDir } from '../../../../shared/adapters/embedded/data-dir.ts'
import { writePrivateFile } from '../../../../shared/adapters/embedded/private-file.ts'

/** The real file system, except that a test can make some calls fail. */
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, writeSync: vi.fn(real.writeSync), rmSync: vi.fn(real.rmSync), openSync: vi.fn(real.openSync) }
})

const refusal = (code: string) => Object.assign(new Error(`${code}: refused`), { code })
const refuse = (code: string) => () => {
  throw refusal(code)
}

let directory: string
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'private-file-'))
})
afterEach(() => {
  vi.useRealTimers()
  vi.mocked(fs.writeSync).mockReset()
  vi.mocked(fs.openSync).mockReset()
  vi.mocked(fs.rmSync).mockReset()
  fs.rmSync(directory, { recursive: true })
})

test('the error of the write is reported, even when its file cannot be removed', () => {
  vi.mocked(fs.writeSync).mockImplementationOnce(() => {
    vi.mocked(fs.rmSync).mockImplementationOnce(refuse('EROFS'))
    throw refusal('ENOSPC')
  })
  expect(() => writePrivateFile(join(directory, 'secret'), 'text')).toThrow('ENOSPC')
})

test('a file system that refuses the owner’s file later stops nothing: it is reported once and tried again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.mocked(fs.writeSync).mockImplementationOnce(refuse('ENOSPC'))
  const warn = vi.fn()
  await using _ = await openDataDir(directory, warn)
  vi.mocked(fs.openSync).mockImplementationOnce(refuse('EROFS')).mockImplementationOnce(refuse('EIO'))
  vi.runOnlyPendingTimers()
  vi.runOnlyPendingTimers()
  expect(warn.mock.calls).toEqual([[expect.stringContaining('EROFS')]])
  vi.runOnlyPendingTimers()
  expect(fs.existsSync(join(directory, 'owner.json'))).toBe(true)
})
