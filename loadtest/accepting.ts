import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'

/**
 * `node loadtest/accepting.ts [seconds] [rounds]`: what accepting an order costs, durability included, against a bare
 * node:http server that parses the same JSON and answers 202. Both in turn, round by round, so that a machine whose
 * speed drifts is fair to both; the ratio of the medians is what counts.
 */
const ROOT = join(import.meta.dirname, '..')
const CONNECTIONS = 50
const WARM_UP_SECONDS = 2
const [seconds = 5, rounds = 3] = process.argv.slice(2).map(Number)

interface Contender {
  readonly name: string
  readonly port: number
  readonly entry: string
  readonly environment?: Record<string, string>
}

interface Measured {
  readonly perSecond: number
  readonly cpuMicroseconds: number
  readonly p99Ms: number
  readonly non2xx: number
}

const order = JSON.stringify({
  customerId: 1,
  customerName: 'Alex',
  customerLastName: 'Example',
  customerEmail: 'alex@example.com',
  shippingAddress: '1 Sample Street',
  billingAddress: '1 Sample Street',
  currencyType: 1,
  totalPrice: 42.5,
  paymentMethodType: 4,
  orderItems: [
    {
      itemCode: 'A-1',
      brand: 'Brand',
      type: 'Shirt',
      size: 'M',
      colour: 'Blue',
      quantity: 1,
      price: 42.5,
      currencyType: 1,
    },
  ],
})

const directory = mkdtempSync(join(tmpdir(), 'accepting-'))
const product = { entry: join(ROOT, 'infra/host/start.ts'), environment: { DATA_DIR: directory, LOG_LEVEL: 'error' } }
const contenders: readonly Contender[] = [
  { name: 'bare node:http', port: 17181, entry: join(import.meta.dirname, 'baselines/bare.ts') },
  { name: 'embedded', port: 17182, ...product },
]

async function measure(contender: Contender): Promise<Measured> {
  const { port, entry, environment } = contender
  const server = spawn(process.execPath, [entry], {
    cwd: ROOT,
    env: { ...process.env, ...environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    await answering(port)
    await fire(port, WARM_UP_SECONDS)
    const before = cpuMicroseconds(server)
    const result = await fire(port, seconds)
    const cpu = cpuMicroseconds(server) - before
    return {
      perSecond: result.requests.average,
      cpuMicroseconds: cpu / result.requests.total,
      p99Ms: result.latency.p99,
      non2xx: result.non2xx,
    }
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    await ended
  }
}

function fire(port: number, duration: number) {
  return autocannon({
    url: `http://127.0.0.1:${port}/api/orders`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: order,
    connections: CONNECTIONS,
    duration,
  })
}

async function answering(port: number): Promise<void> {
  for (;;) {
    const body = { method: 'POST', headers: { 'content-type': 'application/json' }, body: order }
    const answer = await fetch(`http://127.0.0.1:${port}/api/orders`, body).catch(() => undefined)
    if (answer?.status === 202) return
    await sleep(50)
  }
}

/** User and system time of a process and its threads so far (proc(5): ticks of 10 ms). */
function cpuMicroseconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}

const measured = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
for (let round = 1; round <= rounds; round += 1) {
  for (const contender of contenders) measured.get(contender.name)?.push(await measure(contender))
}
rmSync(directory, { recursive: true, force: true })

const rows = [...measured].map(([name, some]) => ({
  name,
  'requests/s': Math.round(median(some.map(({ perSecond }) => perSecond))),
  'CPU µs/request': Math.round(median(some.map((one) => one.cpuMicroseconds))),
  'p99 ms': median(some.map(({ p99Ms }) => p99Ms)),
  'not 2xx': some.reduce((total, { non2xx }) => total + non2xx, 0),
}))
console.table(rows)
const [bare, embedded] = rows.map((row) => row['requests/s'])
console.log(`embedded / bare = ${((embedded ?? Number.NaN) / (bare ?? Number.NaN)).toFixed(2)}`)
