import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createEmbeddedLog } from '../../../shared/adapters/embedded/embedded-log.ts'
import { createRandom, seedOfThisRun } from '../../support/random.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const CHILD = join(import.meta.dirname, 'embedded-log-child.ts')
const ROUNDS = 40
/** A kill may come before the file is open, well into the load, or at any time in between. */
const LONGEST_LIFE_MS = 500

describe('The embedded log', () => {
  it(`loses and damages nothing that was acknowledged in ${ROUNDS} kills at random moments`, async () => {
    const directory = temporaryDirectory()
    const random = createRandom(seedOfThisRun())
    const verified = createVerifier(directory)
    let acknowledged = 0
    for (let round = 0; round < ROUNDS; round++) {
      const { child, lines, speaks } = startChild(directory, `${round}`)
      // Every second process is killed only after it has printed something, no matter how slow the machine is.
      if (round % 2 === 1) await speaks
      setTimeout(() => child.kill('SIGKILL'), random.next() * LONGEST_LIFE_MS)
      await once(child, 'close')
      acknowledged += await verified(lines)
    }
    // If this fails, the kills came too early to prove anything.
    expect(acknowledged).toBeGreaterThan(ROUNDS * 10)
  })

  it.skipIf(spawnSync('prlimit', ['--version']).error !== undefined)(
    'rejects with log-unavailable while writes fail, and recovers on its own',
    async () => {
      const directory = temporaryDirectory()
      const { child, lines } = startChild(directory, 'full', '2')
      const count = (line: RegExp) => lines.filter((text) => line.test(text)).length
      await vi.waitFor(() => expect(count(/^a /)).toBeGreaterThan(10), { timeout: 10_000 })
      const walBytes = statSync(join(directory, 'log.db-wal')).size
      const limit = (bytes: string) => spawnSync('prlimit', [`--pid=${child.pid}`, `--fsize=${bytes}:`])
      expect(limit(`${walBytes}`).status).toBe(0)
      await vi.waitFor(() => expect(count(/^r log-unavailable false/)).toBeGreaterThan(5), { timeout: 10_000 })
      expect(limit('unlimited').status).toBe(0)
      const acknowledged = count(/^a /)
      await vi.waitFor(() => expect(count(/^a /)).toBeGreaterThan(acknowledged + 100), { timeout: 10_000 })
      child.kill('SIGKILL')
      await once(child, 'close')
      expect(count(/^r (?!log-unavailable)/)).toBe(0)
      await createVerifier(directory)(lines)
    },
  )
})

function startChild(
  directory: string,
  ...args: string[]
): { child: ChildProcess; lines: string[]; speaks: Promise<unknown> } {
  const child = spawn(process.execPath, [CHILD, directory, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return { child, lines, speaks: Promise.race([once(output, 'line'), once(output, 'close')]) }
}

/**
 * Opens the log as the next process would, and compares it with the lines that the killed process printed. Reads only
 * the records added since the last call. Returns how many records were acknowledged.
 */
function createVerifier(directory: string): (lines: readonly string[]) => Promise<number> {
  const seen = new Set<string>()
  const ends = new Map<number, number>()
  const processed = new Map<number, number>()

  return async (lines) => {
    await using log = await createEmbeddedLog({ directory })
    await log.ensureTopics([{ name: 'orders', partitions: 3, replication: 1, config: {} }])
    const idAt = new Map<string, string>()
    for (const { partition, end } of await log.offsets('orders')) {
      let next = ends.get(partition) ?? 0
      while (next < end) {
        for (const { offset, value, headers } of await log.read('orders', partition, next, 1000)) {
          expect(offset).toBe(next++)
          const id = unsealed(value)
          expect(Buffer.from(headers[0]?.[1] ?? []).toString()).toBe(id)
          expect(seen.has(id), `${id} is there once`).toBe(false)
          seen.add(id)
          idAt.set(`${partition} ${offset}`, id)
        }
      }
      ends.set(partition, end)
    }
    // If the kill truncated the last line, that line is ignored.
    const acknowledged = lines.filter((line) => /^a \S+ \d+ \d+$/.test(line)).map((line) => line.split(' '))
    for (const [, id, partition, offset] of acknowledged) expect(idAt.get(`${partition} ${offset}`)).toBe(id)

    for (const line of lines.filter((line) => line.startsWith('p '))) {
      const [partition = 0, offset = 0] = line.split(' ').slice(1).map(Number)
      processed.set(partition, Math.max(processed.get(partition) ?? -1, offset))
    }
    for (const [partition, next] of await log.committed('readers', 'orders')) {
      expect(next - 1).toBeLessThanOrEqual(processed.get(partition) ?? -1)
    }
    return acknowledged.length
  }
}

/** Returns the id in the value, after checking that the value is undamaged. */
function unsealed(value: Uint8Array | null): string {
  const text = Buffer.from(value ?? []).toString()
  const content = text.slice(0, -65)
  expect(text.slice(-64)).toBe(createHash('sha256').update(content).digest('hex'))
  return content.slice(0, content.indexOf(' '))
}
