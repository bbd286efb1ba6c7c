import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const START = join(ROOT, 'infra/host/start.ts')
const STOP_ON_SIGNAL = join(ROOT, 'infra/host/stop-on-signal.ts')

/** By then the product would have noticed that npm had exited, or would have received a second signal. */
const LATE_MS = 1000

let directory: string
const children: ChildProcess[] = []
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'close')
  }
})

function run(args: readonly string[], settings: Record<string, string> = {}, program = process.execPath) {
  const env = { PATH: process.env['PATH'], DATA_DIR: directory, PORT: '0', LOG_LEVEL: 'warn', ...settings }
  const child = spawn(program, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const errors = text(child.stderr)
  const closed = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
  return {
    child,
    /** Resolves with the first output that matches. */
    async says(pattern: RegExp): Promise<RegExpExecArray> {
      let output = ''
      for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
        output += String(chunk)
        const match = pattern.exec(output)
        if (match !== null) return match
      }
      throw new Error(`The program ended without printing ${String(pattern)}: ${output}${await errors}`)
    },
    async ended() {
      child.stdout.resume()
      const [code] = await closed
      return { code, errors: await errors }
    },
  }
}

describe('npm start', () => {
  test('prints its address, accepts an order, and stops cleanly on SIGTERM', async () => {
    const product = run([START])
    const [, url] = await product.says(/at (http:\/\/127\.0\.0\.1:\d+)/)
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/orders`, { method: 'POST', headers, body: JSON.stringify(ORIGINAL_BODY) })
    expect(response.status).toBe(202)
    product.child.kill('SIGTERM')
    expect(await product.ended()).toEqual({ code: 0, errors: '' })
  })

  test('loads neither fetch nor TLS to accept an order, because they take memory and delay the start', async () => {
    const list = `
      import { isMainThread } from 'node:worker_threads'
      import { writeSync } from 'node:fs'
      process.on('exit', () => isMainThread && writeSync(2, process.moduleLoadList.join('\\n')))`
    const product = run(['--import', `data:text/javascript,${encodeURIComponent(list)}`, START])
    const [, url] = await product.says(/at (http:\/\/127\.0\.0\.1:\d+)/)
    const headers = { 'content-type': 'application/json' }
    await fetch(`${url}/api/orders`, { method: 'POST', headers, body: JSON.stringify(ORIGINAL_BODY) })
    product.child.kill('SIGTERM')
    const loaded = (await product.ended()).errors.split('\n').map((line) => line.replace(/^NativeModule /, ''))
    expect(loaded).toContain('http')
    for (const name of ['internal/deps/undici/undici', 'tls', 'http2']) expect(loaded).not.toContain(name)
  })

  test('prevents V8 from allocating batches in the old generation, but only once everything has been loaded', async () => {
    const watch = `
      import v8 from 'node:v8'
      import { registerHooks, syncBuiltinESMExports } from 'node:module'
      let loaded = 0
      registerHooks({ load: (url, context, next) => (loaded += 1, next(url, context)) })
      const set = v8.setFlagsFromString
      v8.setFlagsFromString = (flag) => {
        process.stderr.write(flag + ' after ' + loaded + '\\n')
        set(flag)
      }
      syncBuiltinESMExports()
      const write = process.stdout.write
      process.stdout.write = function (...args) {
        process.stderr.write('started after ' + loaded + '\\n')
        return write.apply(this, args)
      }`
    const product = run(['--import', `data:text/javascript,${encodeURIComponent(watch)}`, START])
    await product.says(/at (http:\/\/127\.0\.0\.1:\d+)/)
    product.child.kill('SIGTERM')
    const { errors } = await product.ended()
    expect(errors).toMatch(/^--no-allocation-site-pretenuring after (\d+)\nstarted after \1\n$/)
  })

  test('stops cleanly when SIGTERM comes during the start', async () => {
    // Blocks the process in the middle of startup, long enough for the signal to be sent.
    const hold = `
      import { registerHooks } from 'node:module'
      registerHooks({ resolve(specifier, context, next) {
        if (!specifier.endsWith('embedded-host.ts')) return next(specifier, context)
        process.stdout.write('starting')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
        return next(specifier, context)
      } })`
    const product = run(['--import', `data:text/javascript,${encodeURIComponent(hold)}`, START])
    await product.says(/starting/)
    product.child.kill('SIGTERM')
    expect(await product.ended()).toEqual({ code: 0, errors: '' })
    expect(readdirSync(directory)).not.toContain('log.db-wal')
  })

  test('warns in one line that a setting disables nothing, because the runtime silently ignores it', async () => {
    const product = run([START], { AzureWebJobs__docs__Disabled: 'true' })
    const [, url] = await product.says(/at (http:\/\/127\.0\.0\.1:\d+)/)
    expect((await fetch(`${url}/docs`)).status).toBe(200)
    product.child.kill('SIGTERM')
    const { errors } = await product.ended()
    expect(errors).toMatch(/^AzureWebJobs__docs__Disabled has no effect: write AzureWebJobs_docs_Disabled, .+\n$/)
  })

  test.each([
    ['npm alone, which passes no SIGTERM on', (pid: number) => pid],
    ['npm and all that it started', (pid: number) => -pid],
  ])('stops in order when a supervisor ends %s', async (_, target) => {
    const npm = run(['start'], {}, 'npm')
    const [, port] = await npm.says(/at http:\/\/127\.0\.0\.1:(\d+)/)
    const body = JSON.stringify(ORIGINAL_BODY)
    const client = connect(Number(port), '127.0.0.1')
    const head = `POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    client.write(head)
    // The request begins before the signal is sent, and its body arrives long after that.
    await sleep(100)
    process.kill(target(npm.child.pid ?? 0), 'SIGTERM')
    await sleep(LATE_MS)
    client.write(body)
    expect(await text(client)).toMatch(/^HTTP\/1\.1 202 /)
    // The output closes when the last process that writes to it has exited.
    await npm.ended()
    expect(readdirSync(directory)).not.toContain('log.db-wal')
  })

  test('is what the systemd unit starts without npm, and SIGTERM to its main process stops it cleanly', async () => {
    const unit = readFileSync(join(ROOT, 'docs/deploying.md'), 'utf8')
    const [, installed = '', line = ''] = /^WorkingDirectory=(\S+)$[\s\S]*?^ExecStart=(.+)$/m.exec(unit) ?? []
    const [program, ...words] = line.replaceAll(installed, ROOT).split(' ')
    const product = run(words, {}, program)
    await product.says(/at (http:\/\/127\.0\.0\.1:\d+)/)
    product.child.kill('SIGTERM')
    expect(await product.ended()).toEqual({ code: 0, errors: '' })
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } }
    expect(line).toBe(`${installed}/node_modules/.bin/${scripts.start}`)
  })

  test('requires the key that it keeps in a file, and does not print it where output is collected', async () => {
    const product = run([START])
    const [banner, url, file = ''] = await product.says(/at (http:\S+)[\s\S]*key +in (\S+)[\s\S]*curl/)
    const key = readFileSync(file, 'utf8').trim()
    expect(banner).not.toContain(key)
    const statusWith = async (headers: Record<string, string>) =>
      (await fetch(`${url}/api/dead-letters`, { headers })).status
    expect(await statusWith({})).toBe(401)
    expect(await statusWith({ 'x-functions-key': key })).toBe(200)
  })

  test('reports a port in use in one line and exits with 1', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { code, errors } = await run([START], { PORT: String(port) }).ended()
    other.close()
    expect(code).toBe(1)
    expect(errors).toBe(
      `Port ${port} on 127.0.0.1 is already in use: stop the process that uses it, or set another PORT.\n`,
    )
  })

  test.each([
    [{ PORT: 'many' }, /^PORT must be a whole number/],
    [{ HOST: '203.0.113.1' }, /^HOST 203\.0\.113\.1 is not an address of this machine/],
    [{ FUNCTIONS_INVOCATION: 'fast' }, /^FUNCTIONS_INVOCATION must be lean or official/],
  ])('with %o says what is wrong in one line and exits with 1', async (settings, message) => {
    const { code, errors } = await run([START], settings).ended()
    expect(code).toBe(1)
    expect(errors).toMatch(message)
    expect(errors.trim().split('\n')).toHaveLength(1)
  })
})

describe('a signal', () => {
  /** A process whose shutdown hangs or fails. */
  const stopping = (stop: string, limitMs = 60_000) =>
    run([
      '--input-type=module-typescript',
      '--eval',
      `const { stopOnSignal } = await import(${JSON.stringify(STOP_ON_SIGNAL)})
       const say = (line) => process.stderr.write(line + '\\n')
       stopOnSignal({ stop: ${stop}, unfinished: () => ['2 HTTP requests'], limitMs: ${limitMs}, say })
       setInterval(() => undefined, 1000)
       console.log('ready')`,
    ])
  const HANGS = "() => { console.log('stopping'); return new Promise(() => undefined) }"

  test('that comes twice ends the process at once', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const process_ = stopping(HANGS)
      await process_.says(/ready/)
      process_.child.kill('SIGTERM')
      await process_.says(/stopping/)
      process_.child.kill(signal)
      expect((await process_.ended()).code).toBe(code)
    }
  })

  test('ends the process after the limit, and names what did not finish', async () => {
    const process_ = stopping(HANGS, 100)
    await process_.says(/ready/)
    process_.child.kill('SIGTERM')
    expect(await process_.ended()).toEqual({ code: 1, errors: 'Stopped after 0.1 s; not finished: 2 HTTP requests.\n' })
  })

  test('exits with 1 when stopping fails', async () => {
    const process_ = stopping("() => Promise.reject(new Error('disk gone'))")
    await process_.says(/ready/)
    process_.child.kill('SIGINT')
    expect(await process_.ended()).toEqual({ code: 1, errors: 'Stopping failed: disk gone\n' })
  })
})
