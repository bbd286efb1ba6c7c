import { messageOf, OrderError } from '../../../domain/errors.ts'

/** The innermost cause. kafkajs wraps it in less specific errors, such as "retries exceeded". */
export function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof Error && root.cause instanceof Error && root.cause !== root) root = root.cause
  return root
}

export function kafkaUnavailable(doing: string, error: unknown): OrderError {
  return new OrderError('log-unavailable', `${doing}: ${messageOf(rootOf(error))}`, { retriable: true, cause: error })
}

/** Kafka's name for a protocol error, such as `MESSAGE_TOO_LARGE`. */
export function protocolType(error: unknown): string | undefined {
  const root = rootOf(error)
  return root instanceof Error && 'type' in root && typeof root.type === 'string' ? root.type : undefined
}

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
export const isTooLarge = (error: unknown): boolean => TOO_LARGE.has(protocolType(error) ?? '')

/** Whether the broker refused records because their timestamps are too far from its clock. */
export const isClockRefused = (error: unknown): boolean => protocolType(error) === 'INVALID_TIMESTAMP'

const DENIED = /AUTHORIZATION_FAILED|SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM/
/** Whether the broker will refuse the request until an operator changes permissions or credentials. */
export function isDenied(error: unknown): boolean {
  const root = rootOf(error)
  if (DENIED.test(protocolType(root) ?? '')) return true
  return root instanceof Error && root.name === 'KafkaJSSASLAuthenticationError'
}

const PASSING = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_CONTROLLER',
])
/**
 * Whether the error will pass on its own: a leader or coordinator is moving, or the broker closed an idle connection.
 */
export function isPassing(error: unknown): boolean {
  const root = rootOf(error)
  if (PASSING.has(protocolType(root) ?? '')) return true
  return root instanceof Error && root.name === 'KafkaJSConnectionClosedError'
}

/** Whether the broker does not know the topic. The topic may be new, or may have been deleted. */
export const isUnknownTopic = (error: unknown): boolean => protocolType(error) === 'UNKNOWN_TOPIC_OR_PARTITION'

const REBALANCING = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])
export const isRebalancing = (error: unknown): boolean => REBALANCING.has(protocolType(error) ?? '')
