import type { LogRecord } from '../../shared/ports/event-log.ts'
import type { FunctionApp, RegisteredFunction } from './function-app.ts'
import type { InvocationPath } from './http-invocation.ts'
import { invoke, openOfficially, triggerName, type InvocationInput } from './invocation.ts'
import {
  batchMetadata,
  eventMetadata,
  toKafkaEvent,
  toRpcBatchMetadata,
  toRpcEventMetadata,
  type KafkaEvent,
} from './kafka-event.ts'
import { LeanModel } from './lean-model.ts'
import type { RpcRetryContext, RpcTypedData } from './rpc.ts'

/** Runs a function on a batch (`many`), or on the only record; throws what it threw. */
export type InvokeKafka = (
  target: RegisteredFunction,
  records: readonly LogRecord[],
  many: boolean,
  retryContext: RpcRetryContext | undefined,
) => Promise<void>

/**
 * As for HTTP, two ways that a function cannot tell apart: `official` serialises events for the library to parse, `lean`
 * hands over what would come of that.
 */
export function createKafkaInvocation(app: FunctionApp, path: InvocationPath): InvokeKafka {
  return async (target, records, many, retryContext) => {
    const retry = retryContext === undefined ? {} : { retryContext }
    const input = path === 'official' ? official(target, records, many, retry) : lean(records, many, retry)
    const { result, model, context } = await invoke(app, target, input)
    // Nobody wants the result, but one that cannot be converted is a failure in the runtime too.
    if (result !== undefined && result !== null) await model.getResponse(context, result)
  }
}

type Retry = Pick<InvocationInput['request'], 'retryContext'>

/** As in the runtime's worker, what lives as long as the invocation is the events as text, and what the library makes of it. */
function official(
  target: RegisteredFunction,
  records: readonly LogRecord[],
  many: boolean,
  retry: Retry,
): InvocationInput {
  const events = records.map(toKafkaEvent)
  const texts = events.map((event) => JSON.stringify(event))
  const data: RpcTypedData = many ? { collectionString: { string: texts } } : { string: texts[0] ?? '' }
  const triggerMetadata = many ? toRpcBatchMetadata(events) : toRpcEventMetadata(only(events))
  return {
    request: { inputData: [{ name: triggerName(target), data }], triggerMetadata, ...retry },
    open: openOfficially,
  }
}

function lean(records: readonly LogRecord[], many: boolean, retry: Retry): InvocationInput {
  const events = records.map(toKafkaEvent)
  return {
    request: { inputData: [], ...retry },
    open: (invocation) =>
      many
        ? new LeanModel(invocation, events, () => batchMetadata(events))
        : new LeanModel(invocation, only(events), () => eventMetadata(only(events))),
  }
}

function only(events: readonly KafkaEvent[]): KafkaEvent {
  const [event] = events
  if (event === undefined) throw new Error('A delivery holds at least one record.')
  return event
}
