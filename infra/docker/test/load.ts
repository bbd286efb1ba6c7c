import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

/**
 * Callers of the gateway, for infra/docker/test.sh. Each command exits with 1 if a request failed:
 *
 *   node load.ts run URL FILE          places orders and reads them back until SIGTERM; appends accepted ids to FILE
 *   node load.ts large URL FILE COUNT [CALLERS]  places orders of the largest size, as fast as the log takes them
 *   node load.ts verify URL FILE       waits until every order in FILE is stored
 *   node load.ts hold URL              has many callers send all but one byte of a large body and wait
 */
const [verb = '', url = '', file = '', count = '0', atOnce = '10'] = process.argv.slice(2)
const CALLERS = 8
const PAUSE_MS = 80
const HELD_AT_ONCE = 200
const HELD_BYTES = 1_000_000
const HELD_FOR_MS = 4000
const STORED_WITHIN_MS = 90_000
/**
 * An order without a key is never sent twice, so it gets a 502 if it reaches an instance that is shutting down. More
 * 502s than this mean that instances stop while requests are in flight.
 */
const UNSURE_AT_MOST = 3
/** The largest order has 500 items and names made of 4-byte characters: about 0.9 MB. */
const ITEMS = 500
const JSON_BODY = { 'content-type': 'application/json' }
const WIDE = '\u{1F4E6}'

const order = JSON.parse(readFileSync(new URL('../../../order.json', import.meta.url), 'utf8')) as Record<
  string,
  unknown
>
const failures: string[] = []
let requests = 0
let waits = 0
let unsure = 0
let longestMs = 0
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())

async function ask(
  path: string,
  init: RequestInit,
  expected: number,
  allows: (answer: Response) => Promise<boolean> = async () => false,
): Promise<Response | undefined> {
  const began = performance.now()
  requests += 1
  try {
    const answer = await fetch(url + path, { ...init, signal: AbortSignal.timeout(30_000) })
    if (answer.status === expected || (await allows(answer))) return answer
    failures.push(`${init.method} ${path} ${answer.status} ${(await answer.text()).slice(0, 200)}`)
  } catch (error) {
    failures.push(`${init.method} ${path} ${inspect(error)}`)
  } finally {
    longestMs = Math.max(longestMs, performance.now() - began)
  }
  return undefined
}

/** Whether the response says that the log cannot keep up with the callers. */
async function asksToWait(answer: Response): Promise<boolean> {
  return answer.status === 503 && (await answer.clone().text()).includes('#log-unavailable')
}

async function place(body: string, keyed: boolean): Promise<string | undefined> {
  const headers = { ...JSON_BODY, ...(keyed && { 'idempotency-key': randomUUID() }) }
  // The largest orders arrive faster than the broker can write them. Under any other load a refusal is a failure.
  const allows = async (answer: Response) =>
    (!keyed && answer.status === 502) || (verb === 'large' && (await asksToWait(answer)))
  for (;;) {
    const answer = await ask('/api/orders', { method: 'POST', headers, body }, 202, allows)
    if (answer === undefined) return undefined
    if (answer.status === 502) {
      unsure += 1
      return undefined
    }
    if (answer.status === 202) {
      const { orderId } = (await answer.json()) as { orderId: string }
      appendFileSync(file, `${orderId}\n`)
      return orderId
    }
    waits += 1
    await sleep(1000)
  }
}

/** Half of the orders have no Idempotency-Key. */
async function run(caller: number): Promise<void> {
  for (let turn = 0; !stop.signal.aborted; turn++) {
    const id = await place(JSON.stringify(order), (caller + turn) % 2 === 0)
    if (id !== undefined) await (await ask(`/api/orders/${id}`, { method: 'GET' }, 200))?.arrayBuffer()
    await sleep(PAUSE_MS)
  }
}

async function large(): Promise<void> {
  const [item] = order['orderItems'] as Record<string, unknown>[]
  const [long, short] = [WIDE.repeat(100), WIDE.repeat(50)]
  const largest = { ...item, itemCode: long, brand: long, type: long, size: short, colour: short }
  const body = JSON.stringify({ ...order, orderItems: Array.from({ length: ITEMS }, () => largest) })
  let left = Number(count)
  const caller = async () => {
    while (left-- > 0) await place(body, true)
  }
  await Promise.all(Array.from({ length: Number(atOnce) }, caller))
}

async function hold(): Promise<void> {
  const { hostname, port } = new URL(url)
  const head = `POST /api/orders HTTP/1.1\r\nHost: h\r\nContent-Length: ${HELD_BYTES}\r\n\r\n`
  const sockets = Array.from({ length: HELD_AT_ONCE }, () => connect(Number(port), hostname))
  for (const socket of sockets) {
    requests += 1
    socket.on('error', (error) => failures.push(String(error)))
    socket.on('end', () => failures.push('the gateway closed the connection'))
    socket.resume().write(head + ' '.repeat(HELD_BYTES - 1))
  }
  await sleep(HELD_FOR_MS)
  for (const socket of sockets) socket.removeAllListeners('end').destroy()
}

async function verify(): Promise<void> {
  const ids = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
  const deadline = Date.now() + STORED_WITHIN_MS
  const check = async (id: string) => {
    for (;;) {
      const answer = await ask(`/api/orders/${id}`, { method: 'GET' }, 200)
      const status = ((await answer?.json()) as { status?: string } | undefined)?.status
      if (status === 'stored') return
      if (status !== undefined && Date.now() > deadline) failures.push(`${id} is ${status}`)
      if (status === undefined || Date.now() > deadline) return
      await sleep(200)
    }
  }
  const caller = async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) await check(id)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}

const callers = Array.from({ length: CALLERS }, (_, caller) => caller)
if (verb === 'run') await Promise.all(callers.map(run))
else if (verb === 'large') await large()
else if (verb === 'hold') await hold()
else await verify()
if (unsure > UNSURE_AT_MOST) failures.push(`more than ${UNSURE_AT_MOST} orders without a key answered 502`)
const longest = Math.round(longestMs)
process.stdout.write(
  `${requests} requests, ${waits} asked to wait, ${unsure} without a key got 502 (at most ${UNSURE_AT_MOST}), ${failures.length} failed, the longest took ${longest} ms\n`,
)
for (const failure of failures.slice(0, 5)) process.stdout.write(`  ${failure}\n`)
process.exitCode = failures.length === 0 && requests > 0 ? 0 : 1
