import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** Each limit makes startup fail at a different point: the lock, a thread, the log's or store's files, or a module. */
describe.skipIf(process.platform === 'win32')('Startup without enough file descriptors', () => {
  test.each([26, 30, 34, 38, 42])(
    'ends with one line that names the limit (%i)',
    { timeout: 60_000 },
    async (limit) => {
      const directory = temporaryDirectory()
      const start = [process.execPath, '--import', './infra/host/preload.js', 'infra/host/start.ts']
      const child = spawn('sh', ['-c', `ulimit -n ${limit} && exec "$@"`, 'sh', ...start], {
        cwd: ROOT,
        env: { PATH: process.env['PATH'], DATA_DIR: join(directory, 'data'), PORT: '0', LOG_LEVEL: 'warn' },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
      expect(said).toMatch(
        new RegExp(`^This process may have at most ${limit} files open, [^\\n]*ulimit -n 4096[^\\n]*\\n$`),
      )
      expect(status).toBe(1)
    },
  )
})
