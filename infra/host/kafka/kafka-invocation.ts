import type { RetryContext } from '@azure/functions'
import type { LogRecord } from '../../../shared/ports/event-log.ts'
import { triggerOf, type FunctionApp, type RegisteredFunction } from '../functions/function-app.ts'
import type { InvocationPath } from '../http/http-invocation.ts'
import { invoke, openOfficially, type InvocationInput } from '../functions/invocation.ts'
import { asLibraryReads, batchMetadata, eventMetadata, toKafkaEvent } from './kafka-event.ts'
import { LeanModel } from '../functions/lean-model.ts'

/** Runs a function with a batch (`many`) or a single record. Rejects with the function's error. */
export type InvokeKafka = (
  target: RegisteredFunction,
  records: readonly LogRecord[],
  many: boolean,
  retryContext: RetryContext | undefined,
) => Promise<void>

/**
 * As with HTTP, a function cannot distinguish the two paths: `official` serialises events for the library to parse, and
 * `lean` passes the events that the library would obtain by parsing.
 */
export function createKafkaInvocation(app: FunctionApp, path: InvocationPath): InvokeKafka {
  return async (target, records, many, retryContext) => {
    const toInput = path === 'official' ? official : lean
    const { request, open } = toInput(target, records, many)
    const retry = retryContext === undefined ? {} : { retryContext }
    const { result, model, context } = await invoke(app, target, { request: { ...request, ...retry }, open })
    // The result is not used. As in the Azure Functions runtime, however, a result that cannot be converted counts as a
    // failure.
    if (result !== undefined && result !== null) await model.getResponse(context, result)
  }
}

function official(target: RegisteredFunction, records: readonly LogRecord[], many: boolean): InvocationInput {
  const events = records.map(toKafkaEvent)
  const texts = events.map((event) => JSON.stringify(event))
  const data = many ? { collectionString: { string: texts } } : { string: texts[0] ?? '' }
  const triggerMetadata = many ? batchMetadata(events) : eventMetadata(only(events))
  return { request: { inputData: [{ name: triggerOf(target).name, data }], triggerMetadata }, open: openOfficially }
}

function lean(_target: RegisteredFunction, records: readonly LogRecord[], many: boolean): InvocationInput {
  const events = records.map(toKafkaEvent)
  const input = many ? events : only(events)
  const readMetadata = () => asLibraryReads(many ? batchMetadata(events) : eventMetadata(only(events)))
  return { request: { inputData: [] }, open: (invocation) => new LeanModel(invocation, input, readMetadata) }
}

function only<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error('A delivery must contain at least one record.')
  return one
}
