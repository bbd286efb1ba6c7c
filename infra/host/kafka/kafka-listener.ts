import {
  isOrderError,
  messageOf,
  TO_DO_IF_PASSED_OVER,
  TO_DO_IF_UNREADABLE,
  unreadableOffsets,
} from '../../../shared/domain/errors.ts'
import type { LogConsumer, LogRecord } from '../../../shared/ports/event-log.ts'
import { deliver, type AttemptOptions } from './attempts.ts'
import type { ResolveBinding } from '../binding-settings.ts'
import type { RegisteredFunction } from '../functions/function-app.ts'
import type { HostJson } from '../host-json.ts'
import type { HostLogger } from '../host-logger.ts'
import type { InvokeKafka } from './kafka-invocation.ts'
import type { RpcBinding } from '../functions/rpc.ts'

export interface KafkaListenerOptions {
  readonly consumer: LogConsumer
  readonly hostJson: HostJson
  readonly resolve: ResolveBinding
  readonly logger: HostLogger
  readonly invoke: InvokeKafka
}

export type KafkaListener = ReturnType<typeof createKafkaListener>

/**
 * The Kafka trigger. Each function has at most one batch in flight. The batch is subject first to the function's retry
 * policy, then to host.json's. Throws for a binding that this host does not support.
 */
export function createKafkaListener(
  target: RegisteredFunction,
  binding: RpcBinding,
  { consumer, hostJson, resolve, logger, invoke: invokeKafka }: KafkaListenerOptions,
) {
  const { name: functionName, retryOptions } = target.metadata
  const topic = resolve(property(functionName, 'topic', binding.topic))
  const groupId = resolve(property(functionName, 'consumerGroup', binding.consumerGroup))
  if (binding.dataType?.toLowerCase() !== 'string') {
    throw new Error(`The function ${functionName} must have dataType 'string': this host supports no other.`)
  }
  const isMany = binding.cardinality?.toUpperCase() === 'MANY'
  const invoke = timed(invokeKafka, functionName, hostJson.functionTimeoutMs)
  const { maxBatchSize, commitOnFailure, maxRetries } = hostJson.kafka
  let inFlight = 0

  async function deliverTogether(records: readonly LogRecord[], signal: AbortSignal): Promise<void> {
    const [first] = records
    const place = { function: functionName, topic, partition: first?.partition, offset: first?.offset }
    const line = { ...place, records: records.length }
    const options: AttemptOptions = {
      policy: retryOptions,
      commitOnFailure,
      maxRetries,
      random: Math.random,
      onFailure: (error, delayMs) =>
        logger.warn({ event: 'trigger:failed', ...line, delayMs, err: error }, 'a batch failed'),
      onGivenUp: (error) =>
        logger.error({ event: 'trigger:given-up', ...line, err: error }, 'records were passed over'),
    }
    await deliver((retryContext) => invoke(target, records, isMany, retryContext), options, signal)
  }

  async function onBatch(records: readonly LogRecord[], signal: AbortSignal): Promise<void> {
    inFlight += 1
    try {
      // The runtime's default cardinality is ONE: each record gets an invocation of its own.
      for (const given of isMany ? [records] : records.map((record) => [record])) await deliverTogether(given, signal)
    } finally {
      inFlight -= 1
    }
  }

  return {
    functionName,
    get busy() {
      return inFlight > 0
    },
    /** Starts delivering. Disposing waits for the batch in flight, but interrupts the delay before the next attempt. */
    start: (): Promise<AsyncDisposable> =>
      consumer.subscribe({
        topic,
        groupId,
        maxBatchSize,
        onBatch,
        onError(error) {
          const unreadable = unreadableOffsets(error)
          const line = { function: functionName, topic, ...unreadable, err: error }
          if (unreadable === undefined) {
            logger.error({ event: 'trigger:broken', ...line }, 'delivery failed')
          } else if (isOrderError(error) && error.isPassedOver) {
            const message = `${messageOf(error)} It is passed over: ${TO_DO_IF_PASSED_OVER}`
            logger.error({ event: 'delivery:passed-over', ...line }, message)
          } else {
            const message = `${messageOf(error)} Nothing after it is delivered: ${TO_DO_IF_UNREADABLE}`
            logger.error({ event: 'delivery:unreadable', ...line }, message)
          }
        },
      }),
  }
}

function property(functionName: string, name: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value
  throw new Error(`The function ${functionName} has no ${name} in its kafkaTrigger.`)
}

/** An invocation that exceeds host.json's functionTimeout counts as failed, although it cannot be stopped. */
function timed(invoke: InvokeKafka, functionName: string, timeoutMs: number | undefined): InvokeKafka {
  if (timeoutMs === undefined) return invoke
  return async (...invocation) => {
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const message = `The function ${functionName} exceeded its functionTimeout of ${timeoutMs / 1000} s.`
    const timer = setTimeout(() => reject(new Error(message)), timeoutMs).unref()
    try {
      await Promise.race([invoke(...invocation), tooLate])
    } finally {
      clearTimeout(timer)
    }
  }
}
