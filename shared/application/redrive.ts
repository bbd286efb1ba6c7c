import { randomUUID } from 'node:crypto'
import { OrderError } from '../domain/errors.ts'
import { newOrderJson } from '../domain/order-events.ts'
import type { NewOrderCommand } from '../domain/order-commands.ts'
import { HEADER } from '../messaging/headers.ts'
import type { Clock } from '../messaging/hold.ts'
import { decideRedrive } from '../messaging/redrive-policy.ts'
import type { DeadLetters, KeptDeadLetter } from '../ports/dead-letters.ts'
import type { EventLog, RecordHeader, RecordToPublish } from '../ports/event-log.ts'
import type { Act, NewRedrive, Redrives, RedriveTask } from '../ports/redrives.ts'

/** How often a live process looks for a task to go on with, and for how long it then owns it. */
const LOOK_MS = 500
const LEASE_MS = 30_000

export const DEFAULT_RATE_PER_SECOND = 100

export interface Redrive {
  /** Makes a task and answers at once; whichever process lives carries it out. */
  start(letters: NewRedrive['letters'], ratePerSecond: number, act: Act): Promise<RedriveTask>
  /** Sends another payload in a letter's place. The original stays as it was. */
  edit(letterId: string, order: NewOrderCommand, act: Act): Promise<KeptDeadLetter>
  /** Carries tasks out until the process stops. */
  run(): Promise<void>
}

export function createRedrive(dependencies: {
  log: Pick<EventLog, 'publish'>
  deadLetters: Pick<DeadLetters, 'get'>
  redrives: Redrives
  clock: Clock
  signal: AbortSignal
  onError: (error: unknown) => void
}): Redrive {
  const { log, deadLetters, redrives, clock, signal, onError } = dependencies
  const owner = randomUUID()

  async function look(): Promise<void> {
    const task = await redrives.lease(owner, clock.now(), LEASE_MS)
    if (task === undefined) return
    const decision = decideRedrive(task)
    const at = new Date(clock.now()).toISOString()
    if (decision.kind === 'send') await send(task, decision.letters)
    const ending = { done: { state: 'done' as const }, stop: { state: 'stopped' as const }, send: {}, wait: {} }[
      decision.kind
    ]
    await redrives.release(task.id, { ...ending, ...(decision.kind === 'stop' && { why: decision.why }), at })
  }

  /** Sent before it is marked: a process that dies in between sends again, and the order is stored once all the same. */
  async function send(task: RedriveTask, count: number): Promise<void> {
    const letters = await redrives.nextLetters(task.id, count)
    const byTopic = Map.groupBy(letters, ({ origin }) => origin.topic)
    for (const [topic, some] of byTopic) await log.publish(topic, some.map(toOriginal))
    const ids = letters.map(({ id }) => id)
    await redrives.markSent(task.id, ids, task.step + 1, new Date(clock.now()).toISOString())
  }

  return {
    start: (letters, ratePerSecond, act) => redrives.create({ id: randomUUID(), letters, ratePerSecond }, act),
    async edit(letterId, order, act) {
      const letter = await deadLetters.get(letterId)
      if (letter === undefined) throw new OrderError('dead-letter-not-found', 'No dead letter has this id.')
      if (letter.state !== 'dead') throw new OrderError('conflict', `The dead letter is ${letter.state}.`)
      const value = newOrderJson(order)
      const { key, headers } = toOriginal(letter)
      await log.publish(letter.origin.topic, [{ key, value, headers: [...headers, [HEADER.supersedes, letter.id]] }])
      return redrives.markEdited(letterId, Buffer.from(value), act)
    },
    async run() {
      while (!signal.aborted) {
        try {
          await look()
          await clock.sleep(LOOK_MS, signal)
        } catch (error) {
          if (signal.aborted) return
          onError(error)
          await clock.sleep(LOOK_MS * 10, signal).catch(() => undefined)
        }
      }
    },
  }
}

/** The original's bytes, key and headers, marked with the letter that this redrives. */
function toOriginal(letter: KeptDeadLetter): RecordToPublish {
  const marks = new Set<string>([HEADER.redriveOf, HEADER.supersedes])
  const headers: RecordHeader[] = letter.headers.filter(([name]) => !marks.has(name))
  return { key: letter.key, value: letter.value, headers: [...headers, [HEADER.redriveOf, letter.id]] }
}
