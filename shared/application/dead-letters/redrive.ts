import { randomUUID } from 'node:crypto'
import { isOrderError, messageOf, OrderError } from '../../domain/errors.ts'
import { newOrderJson } from '../../domain/order-events.ts'
import { isForgottenValue } from '../../domain/forgetting/forgotten-records.ts'
import type { NewOrderCommand } from '../../domain/order-commands.ts'
import type { Clock } from '../../ports/clock.ts'
import { decideRedrive, STEP_INTERVAL_MS } from '../../messaging/parking/redrive-policy.ts'
import type { RedriveProofs } from '../../messaging/parking/redrive-proof.ts'
import { toEdited, toRedriven } from '../../messaging/parking/redriven-record.ts'
import type { Topics } from '../../messaging/topics.ts'
import type { DeadLetters, KeptDeadLetter, WhichLetters } from '../../ports/dead-letters.ts'
import type { EventLog } from '../../ports/event-log.ts'
import type { Act, RedriveEnding, Redrives, RedriveTask } from '../../ports/redrives.ts'

/** How often a process checks whether a task is due, and how long it pauses after a failure. */
const LOOK_MS = 500
const PAUSE_MS = 5000
/**
 * How long a task stays blocked after a process has died in the middle of a step. If a step outlasts its lease, letters
 * are sent twice, which is harmless.
 */
const LEASE_MS = 10_000

export const DEFAULT_RATE_PER_SECOND = 100

export interface Redrive {
  /** Creates a task and resolves at once; any live process carries it out. */
  start(letters: WhichLetters, ratePerSecond: number, act: Act): Promise<RedriveTask>
  /**
   * Sends a corrected payload instead of the letter's own; the original is kept. Rejects with `dead-letter-not-found`,
   * and with `conflict` if the letter is not dead, names no order, contains a change, belongs to another consumer, or
   * contains the order of a customer who was forgotten.
   */
  edit(letterId: string, order: NewOrderCommand, act: Act): Promise<KeptDeadLetter>
  /** Runs tasks until the process stops. Never rejects. */
  run(): Promise<void>
}

export function createRedrive(dependencies: {
  log: Pick<EventLog, 'publish'>
  deadLetters: Pick<DeadLetters, 'get'>
  redrives: Redrives
  topics: Topics
  proofs: Pick<RedriveProofs, 'prove'>
  clock: Clock
  signal: AbortSignal
  /** Called when tasks cannot run, and again only if the reason changes. */
  onError: (error: unknown) => void
  /** Called once, after `onError`, when tasks can run again. */
  onBack: () => void
}): Redrive {
  const { log, deadLetters, redrives, topics, proofs, clock, signal, onError, onBack } = dependencies
  let told: string | undefined
  const owner = randomUUID()
  const now = () => new Date(clock.now()).toISOString()

  /** False if nothing is due. After a failure, this process keeps the lease and continues where it stopped. */
  async function look(): Promise<boolean> {
    const task = await redrives.lease(owner, clock.now(), LEASE_MS)
    if (task === undefined) return false
    const next = await carryOn(task)
    await redrives.release(task.id, owner, { ...next, at: now() })
    return true
  }

  async function carryOn(task: RedriveTask): Promise<{ dueMs: number; ending?: RedriveEnding }> {
    const decision = decideRedrive(task)
    if (decision.kind === 'end') return { dueMs: clock.now(), ending: decision.ending }
    if (decision.kind === 'wait') return { dueMs: clock.now() + LOOK_MS }
    const ending = await sendStep(task, decision.letters)
    return { dueMs: clock.now() + STEP_INTERVAL_MS, ...(ending !== undefined && { ending }) }
  }

  async function sendStep(task: RedriveTask, count: number): Promise<RedriveEnding | undefined> {
    const letters = await redrives.claim(task.id, owner, count)
    return letters.length === 0 ? undefined : await send(task, letters)
  }

  /**
   * Sends letters to the orders topic, wherever they come from: nobody reads the topic of an earlier ORDERS_TOPIC, and
   * other producers may have written to a retry topic or the dead-letter topic. The letter's id in the record's headers
   * connects the new record with the old one.
   *
   * Sends a letter before marking it. If the process dies in between, the letter is sent again, but the order is still
   * stored only once. If the topic no longer accepts a letter, the task stops, because every attempt to send the
   * letter would fail; the reason names the letter.
   */
  async function send(task: RedriveTask, letters: readonly KeptDeadLetter[]): Promise<RedriveEnding | undefined> {
    const sentAt = now()
    try {
      await log.publish(
        topics.orders,
        letters.map((letter) => proofs.prove(toRedriven(letter))),
      )
    } catch (error) {
      if (!isOrderError(error) || error.code !== 'record-too-large') throw error
      const [only, ...others] = letters
      if (only !== undefined && others.length === 0) {
        return { state: 'stopped', why: `${only.id} cannot be sent: ${error.message} Edit or discard it.` }
      }
      for (const letter of letters) {
        const ending = await send(task, [letter])
        if (ending !== undefined) return ending
      }
      return
    }
    const ids = letters.map(({ id }) => id)
    await redrives.markSent(task.id, ids, sentAt)
  }

  /** Makes one check. Returns how long to pause before the next one. */
  async function turn(): Promise<number> {
    try {
      const pauseMs = (await look()) ? 0 : LOOK_MS
      if (told !== undefined) onBack()
      told = undefined
      return pauseMs
    } catch (error) {
      const reason = isOrderError(error) ? error.code : messageOf(error)
      if (!signal.aborted && told !== reason) onError(error)
      told = reason
      return PAUSE_MS
    }
  }

  return {
    start: (letters, ratePerSecond, act) => redrives.create({ id: randomUUID(), letters, ratePerSecond }, act),
    async edit(letterId, order, act) {
      const letter = await deadLetters.get(letterId)
      if (letter !== undefined && letter.foreign !== null) {
        const detail = 'Another consumer gave up on it: its order is not ours to change. Redrive or discard it.'
        throw new OrderError('conflict', detail)
      }
      if (letter !== undefined && isForgottenValue(letter.value)) {
        throw new OrderError('conflict', 'This order cannot be edited, because its customer has been forgotten.')
      }
      if (letter?.orderId === null) {
        const detail =
          'The record names no order, so there is nothing to edit: place the order again and discard this letter.'
        throw new OrderError('conflict', detail)
      }
      const value = Buffer.from(newOrderJson(order))
      const dead = await redrives.recordEdit(letterId, value, act)
      await log.publish(topics.orders, [proofs.prove(toEdited(dead, value))])
      return redrives.markEdited(letterId, act)
    },
    async run() {
      try {
        while (!signal.aborted) await clock.sleep(await turn(), signal)
      } catch (error) {
        if (!signal.aborted) onError(error)
      }
    },
  }
}
