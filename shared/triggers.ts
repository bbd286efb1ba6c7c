import {
  app,
  type GenericFunctionOptions,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions'
import { services, settings } from './services.ts'
import { isOrderError, messageOf } from './domain/errors.ts'
import { endpoint, type Handler, type Report } from './http/protocol/endpoint.ts'
import type { ProblemCode } from './http/protocol/problem.ts'
import { ROUTES, type Route, type RouteName } from './http/routes.ts'
import { countInvocation } from './invocations.ts'
import { fromKafkaEvents } from './messaging/records/kafka-event.ts'
import { withinInvocation } from './telemetry/logs/invocation-scope.ts'
import type { HandleDelivery } from './application/processing/handle-delivery.ts'
import type { Services } from './composition-root.ts'

/** Registers functions, with trigger options from the route table and the settings. */

/** The maximum number of members named in the log line for a refused request. */
const MAX_MEMBERS = 5
/** Callers choose member names, so only plain ones are logged. */
const NAME = /^[\w/-]{1,100}$/

/** A handler that is called with this process's services. */
export type ServiceHandler = (request: HttpRequest, all: Services) => Promise<HttpResponseInit>

/** Registers an HTTP function as described by its row in the route table. */
export function httpTrigger(name: RouteName, handler: ServiceHandler): void {
  const route: Route = ROUTES[name]
  standaloneHttpTrigger(name, async (request, context) => {
    const all = await services()
    // Only requests for orders are traced, because probes, pages and scrapes would drown them out.
    if (all.tracing === undefined || route.access !== 'orders') return await handler(request, all)
    return all.tracing.traceRequests(route, (traced) => handler(traced, all))(request, context)
  })
}

/** Registers an HTTP function that also responds before the services are open, or if they cannot be opened. */
export function standaloneHttpTrigger(name: RouteName, handler: Handler): void {
  const { methods, route, access }: Route = ROUTES[name]
  const handle = endpoint(handler, report)
  app.http(name, {
    methods: [...methods],
    route,
    authLevel: access === 'orders' ? settings().ordersAuth : access,
    handler: (request, context) =>
      countInvocation(() => withinInvocation(context, request, () => handle(request, context))),
  })
}

export const report: Report = { fault: reportFault, refusal: reportRefusal }

async function reportFault(error: unknown, context: InvocationContext): Promise<void> {
  const logger = await openedLogger()
  if (logger === undefined) return context.error(messageOf(error))
  const line = { event: 'http:failed', function: context.functionName, invocation: context.invocationId, err: error }
  if (isOrderError(error) && error.retriable) logger.warn(line, 'a request could not be served')
  else logger.error(line, 'a request failed')
}

/** With LOG_REFUSALS=on, logs the refusal and the names of the members at fault, never their values. */
async function reportRefusal(
  error: unknown,
  { code, status }: { code: ProblemCode; status: number },
  context: InvocationContext,
): Promise<void> {
  if (!settings().logRefusals) return
  const members = isOrderError(error)
    ? error.violations.map(({ pointer }) => pointer).filter((pointer) => NAME.test(pointer))
    : []
  const line = { event: 'http:refused', function: context.functionName, invocation: context.invocationId, code, status }
  const logger = await openedLogger()
  logger?.info(
    { ...line, ...(members.length > 0 && { members: members.slice(0, MAX_MEMBERS) }) },
    'a request was refused',
  )
}

/** Undefined if the services could not be opened; the code that opens them reports the reason. */
async function openedLogger(): Promise<Services['logger'] | undefined> {
  try {
    return (await services()).logger
  } catch {
    return undefined
  }
}

/** Retries a failed batch indefinitely. Otherwise the trigger would commit the batch and lose it. */
const REDELIVER: NonNullable<GenericFunctionOptions['retry']> = {
  strategy: 'exponentialBackoff',
  maxRetryCount: -1,
  minimumInterval: { seconds: 1 },
  maximumInterval: { seconds: 30 },
}

/** The Kafka extension's names for values that our settings name differently (KafkaTriggerAttribute.cs). */
const PROTOCOL = { plaintext: 'plaintext', ssl: 'ssl', sasl_plaintext: 'saslPlaintext', sasl_ssl: 'saslSsl' } as const
const AUTHENTICATION = { plain: 'plain', 'scram-sha-256': 'scramSha256', 'scram-sha-512': 'scramSha512' } as const

/** Registers a function that receives a topic's records in batches. */
export function kafkaTrigger(
  name: string,
  source: { topic: string; group: string },
  useCase: (all: Services) => HandleDelivery,
): void {
  const { kafka } = settings()
  app.generic(name, {
    trigger: {
      type: 'kafkaTrigger',
      name: 'events',
      direction: 'in',
      brokerList: '%KAFKA_BROKERS%',
      topic: source.topic,
      consumerGroup: source.group,
      cardinality: 'MANY',
      dataType: 'string',
      ...(kafka !== undefined && { protocol: PROTOCOL[kafka.securityProtocol] }),
      ...(kafka?.saslMechanism !== undefined && {
        authenticationMode: AUTHENTICATION[kafka.saslMechanism],
        username: '%KAFKA_USERNAME%',
        password: '%KAFKA_PASSWORD%',
      }),
      ...(kafka?.sslCa !== undefined && { [isPem(kafka.sslCa) ? 'sslCaPEM' : 'sslCaLocation']: '%KAFKA_SSL_CA%' }),
    },
    retry: REDELIVER,
    handler: (events: unknown, context) =>
      countInvocation(() => withinInvocation(context, undefined, async () => deliver(events, useCase))),
  })
}

/** Processes the portions of a delivery in turn. The time limit begins when the delivery arrives. */
async function deliver(events: unknown, useCase: (all: Services) => HandleDelivery): Promise<void> {
  const process = useCase(await services())
  const deliveredAt = Date.now()
  for (const portion of fromKafkaEvents(events)) await process(portion, deliveredAt)
}

/** KAFKA_SSL_CA is either the certificate itself or the path to its file. The trigger has a property for each form. */
function isPem(certificate: string): boolean {
  return certificate.includes('-----BEGIN')
}
