import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDataDir, readOwner } from '../../../shared/adapters/embedded/data-dir.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const MODULE = pathToFileURL(join(import.meta.dirname, '../../../shared/adapters/embedded/data-dir.ts')).href

function temporaryPath(): string {
  const parent = temporaryDirectory()
  return join(parent, 'nested', 'data')
}

/** A process that holds the directory until the process is killed. */
async function holder(directory: string) {
  const script = `
    import { openDataDir } from ${JSON.stringify(MODULE)}
    const dataDir = await openDataDir(${JSON.stringify(directory)})
    await dataDir.describeOwner({ url: 'http://127.0.0.1:7071' })
    console.log('held')
    setInterval(() => dataDir.path, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

describe('The data directory', () => {
  it('is created with access for its owner alone', async () => {
    const path = temporaryPath()
    await using dataDir = await openDataDir(path)
    expect(dataDir.path).toBe(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it('is locked by one process, and a second one learns in one line which', async () => {
    const path = temporaryPath()
    const { pid } = await holder(path)
    await expect(openDataDir(path)).rejects.toMatchObject({
      code: 'data-dir-locked',
      message: expect.stringMatching(
        new RegExp(
          `^${path} is in use by process ${pid} \\(since \\S+Z, http://127.0.0.1:7071\\); stop it or set DATA_DIR to another directory$`,
        ),
      ),
    })
    expect(await readOwner(path)).toMatchObject({ pid, url: 'http://127.0.0.1:7071' })
  })

  it('is free at once when its holder is killed', async () => {
    const path = temporaryPath()
    const child = await holder(path)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await readOwner(path)).toBeUndefined()
    await using dataDir = await openDataDir(path)
    expect(dataDir.path).toBe(path)
    expect(await readOwner(path)).toMatchObject({ pid: process.pid })
  })

  it('is locked within the same process too, until it is released', async () => {
    const path = temporaryPath()
    {
      await using _ = await openDataDir(path)
      await expect(openDataDir(path)).rejects.toHaveProperty('code', 'data-dir-locked')
    }
    expect(existsSync(join(path, 'owner.json'))).toBe(false)
    await using again = await openDataDir(path)
    expect(again.path).toBe(path)
  })

  it.each(['', '{"pid": 1, "startedAt": "2026-', 'null', '{"pid":"x"}'])(
    'is held by an unknown process when a power cut damaged the owner file: %j',
    async (text) => {
      const path = temporaryPath()
      await using dataDir = await openDataDir(path)
      writeFileSync(join(dataDir.path, 'owner.json'), text)
      expect(await readOwner(path)).toBeUndefined()
      await expect(openDataDir(path)).rejects.toMatchObject({
        code: 'data-dir-locked',
        message: `${path} is in use by another process; stop it or set DATA_DIR to another directory`,
      })
    },
  )

  it('validates a secret from a file like the setting, and warns if others may read it', async () => {
    const path = temporaryPath()
    const warnings: string[] = []
    await using dataDir = await openDataDir(path, (message) => warnings.push(message))
    const file = join(path, 'functions-key')
    writeFileSync(file, 'x\n', { mode: 0o600 })
    await expect(dataDir.secret('functions-key')).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringContaining('must contain at least 16 characters') as string,
    })
    writeFileSync(file, 'sixteen-letters!\n')
    expect(await dataDir.secret('functions-key')).toBe('sixteen-letters!')
    expect(warnings).toEqual([])
    if (process.platform === 'win32') return
    chmodSync(file, 0o644)
    await dataDir.secret('functions-key')
    expect(warnings).toEqual([`Other users may read or change ${file}: run chmod 600 ${file}`])
  })

  it('has no owner when it does not exist', async () => {
    const path = temporaryPath()
    expect(await readOwner(path)).toBeUndefined()
    expect(existsSync(path)).toBe(false)
  })

  it('keeps a generated secret in a file that only its owner can read', async () => {
    const path = temporaryPath()
    let secret: string
    {
      await using dataDir = await openDataDir(path)
      secret = await dataDir.secret('functions-key')
      expect(secret).toMatch(/^[0-9a-f]{64}$/)
      expect(await dataDir.secret('functions-key')).toBe(secret)
      expect(await dataDir.secret('order-id-secret')).not.toBe(secret)
    }
    await using again = await openDataDir(path)
    expect(await again.secret('functions-key')).toBe(secret)
    expect(readFileSync(join(path, 'functions-key'), 'utf8').trim()).toBe(secret)
    expect(statSync(join(path, 'functions-key')).mode & 0o777).toBe(0o600)
    expect(readdirSync(path).filter((name) => name.endsWith('.new'))).toEqual([])
  })

  it('does not replace a secret file that was emptied', async () => {
    const path = temporaryPath()
    await using dataDir = await openDataDir(path)
    writeFileSync(join(path, 'functions-key'), '')
    await expect(dataDir.secret('functions-key')).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringContaining('functions-key is empty'),
    })
  })

  it('that cannot be a directory is an invalid setting', async () => {
    const path = temporaryPath()
    const file = join(path, '..', '..', 'file')
    writeFileSync(file, '')
    await expect(openDataDir(join(file, 'data'))).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringMatching(
        /^DATA_DIR: .* can't be used: ENOTDIR.*; set DATA_DIR to a directory on a local disk/,
      ),
    })
  })

  it.skipIf(process.platform !== 'linux')('on a pseudo file system is an invalid setting, with advice', async () => {
    for (const path of ['/sys/orders', '/sys', '/proc']) {
      await expect(openDataDir(path)).rejects.toMatchObject({
        code: 'invalid-setting',
        message: expect.stringContaining(`DATA_DIR: ${path} can't be used: `) as string,
      })
      await expect(openDataDir(path)).rejects.toThrow(/; set DATA_DIR to a directory on a local disk[^\n]*$/)
    }
  })

  it.skipIf(process.platform === 'win32')(
    'on a file system that does not answer ends the process with one line',
    async () => {
      const path = temporaryPath()
      mkdirSync(path, { recursive: true })
      const lock = new DatabaseSync(join(path, 'lock.db'))
      lock.exec('CREATE TABLE t (a)')
      lock.close()
      // Opening a pipe waits for a writer, just as opening a file on an unavailable server waits for that server.
      expect(spawnSync('mkfifo', [join(path, 'lock.db-journal')]).status).toBe(0)
      const script = `
      import { openDataDir } from ${JSON.stringify(MODULE)}
      await openDataDir(${JSON.stringify(path)})`
      const child = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      )
      onTestFinished(() => void child.kill('SIGKILL'))
      const [said, [, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')])
      expect(signal).toBe('SIGKILL')
      expect(said).toMatch(/^DATA_DIR: .* does not respond; set DATA_DIR to a directory on a local disk[^\n]*\n$/)
    },
    60_000,
  )

  it.skipIf(process.getuid?.() === 0)('that is not writable is an invalid setting', async () => {
    const path = join(temporaryPath(), '..', '..')
    chmodSync(path, 0o500)
    onTestFinished(() => chmodSync(path, 0o700))
    await expect(openDataDir(join(path, 'data'))).rejects.toHaveProperty('code', 'invalid-setting')
  })
})
