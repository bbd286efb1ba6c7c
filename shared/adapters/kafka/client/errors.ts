import { messageOf, OrderError } from '../../../domain/errors.ts'

/** The innermost cause, because kafkajs wraps it in errors such as "retries exceeded" that say less. */
export function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof Error && root.cause instanceof Error && root.cause !== root) root = root.cause
  return root
}

export function kafkaUnavailable(doing: string, error: unknown): OrderError {
  return new OrderError('log-unavailable', `${doing}: ${messageOf(rootOf(error))}`, { retriable: true, cause: error })
}

/** Kafka's name of a protocol error, such as `MESSAGE_TOO_LARGE`. */
export function protocolType(error: unknown): string | undefined {
  const root = rootOf(error)
  return root instanceof Error && 'type' in root && typeof root.type === 'string' ? root.type : undefined
}

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
export const isTooLarge = (error: unknown): boolean => TOO_LARGE.has(protocolType(error) ?? '')

/** The records' time is too far from the broker's. */
export const isClockRefused = (error: unknown): boolean => protocolType(error) === 'INVALID_TIMESTAMP'

/** A refusal that lasts until an operator does something. */
const DENIED = /AUTHORIZATION_FAILED|SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM/
export function isDenied(error: unknown): boolean {
  const root = rootOf(error)
  if (DENIED.test(protocolType(root) ?? '')) return true
  return root instanceof Error && root.name === 'KafkaJSSASLAuthenticationError'
}

/**
 * Errors that pass on their own: a leader or coordinator is moving, or the broker has closed an idle connection.
 */
const PASSING = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_CONTROLLER',
])
export function isPassing(error: unknown): boolean {
  const root = rootOf(error)
  if (PASSING.has(protocolType(root) ?? '')) return true
  return root instanceof Error && root.name === 'KafkaJSConnectionClosedError'
}

/** From a broker that does not know a new topic yet, or because somebody has deleted the topic. */
export const isUnknownTopic = (error: unknown): boolean => protocolType(error) === 'UNKNOWN_TOPIC_OR_PARTITION'

const REBALANCING = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])
export const isRebalancing = (error: unknown): boolean => REBALANCING.has(protocolType(error) ?? '')
