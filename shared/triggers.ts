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

/** Registers functions, with the options of their triggers from the table of routes and the settings. */

/** Of a refused request, in its log line. */
const MAX_MEMBERS = 5
/** A caller may call members anything; what is no plain name is left out. */
const NAME = /^[\w/-]{1,100}$/

/** A handler is given the services of this process: it takes from them what it needs. */
export type ServiceHandler = (request: HttpRequest, all: Services) => Promise<HttpResponseInit>

/** Registers an HTTP function by its row in the table of routes. */
export function httpTrigger(name: RouteName, handler: ServiceHandler): void {
  const route: Route = ROUTES[name]
  standaloneHttpTrigger(name, async (request, context) => {
    const all = await services()
    // Only requests for orders have traces: probes, pages and scrapes would drown them.
    if (all.tracing === undefined || route.access !== 'orders') return handler(request, all)
    return all.tracing.traceRequests(route, (traced) => handler(traced, all))(request, context)
  })
}

/** Registers an HTTP function that answers before the services are open, and while they cannot be opened. */
export function standaloneHttpTrigger(name: RouteName, handler: Handler): void {
  const { methods, route, access }: Route = ROUTES[name]
  const handle = endpoint(handler, report)
  app.http(name, {
    methods: [...methods],
    route,
    authLevel: access === 'orders' ? settings().ordersAuth : access,
    handler: (request, context) =>
      countInvocation(() => withinInvocation(context, request, async () => handle(request, context))),
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

/** With LOG_REFUSALS=on: what was refused and which members were wrong, never what they held. */
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

/** Undefined where nothing could be opened. Why is told by whoever tries to. */
async function openedLogger(): Promise<Services['logger'] | undefined> {
  try {
    return (await services()).logger
  } catch {
    return undefined
  }
}

/** A batch that fails is delivered again for ever: the trigger would otherwise commit it, and it would be lost. */
const REDELIVER: NonNullable<GenericFunctionOptions['retry']> = {
  strategy: 'exponentialBackoff',
  maxRetryCount: -1,
  minimumInterval: { seconds: 1 },
  maximumInterval: { seconds: 30 },
}

/** The host's names for what kafkajs calls otherwise (KafkaTriggerAttribute.cs). */
const PROTOCOL = { plaintext: 'plaintext', ssl: 'ssl', sasl_plaintext: 'saslPlaintext', sasl_ssl: 'saslSsl' } as const
const AUTHENTICATION = { plain: 'plain', 'scram-sha-256': 'scramSha256', 'scram-sha-512': 'scramSha512' } as const

/** Registers a function that is given the records of a topic, a batch at a time. */
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

/** The portions of a delivery one after the other; how long it may take is counted from when it came. */
async function deliver(events: unknown, useCase: (all: Services) => HandleDelivery): Promise<void> {
  const process = useCase(await services())
  const deliveredAt = Date.now()
  for (const portion of fromKafkaEvents(events)) await process(portion, deliveredAt)
}

/** KAFKA_SSL_CA is the certificate itself or the path of its file; the trigger has a property for each. */
function isPem(certificate: string): boolean {
  return certificate.includes('-----BEGIN')
}
