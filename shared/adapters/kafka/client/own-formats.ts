import type { Kafka } from 'kafkajs'
import { decodeFetchResponse, type FetchResponse } from '../fetch/fetch-response.ts'
import { encodeProduceRequest, type ProduceData } from '../publish/produce-request.ts'
import { noteOutcomes, type ProduceResponse } from '../publish/produce-response.ts'
import { clusterFactory, type Broker, type CreateCluster, type FetchRequest } from './cluster.ts'
import type { Encoder } from './encoder.ts'

export type ChangeFetch = (fetch: Broker['fetch']) => Broker['fetch']

/**
 * Replaces kafkajs's decoder for fetch responses and its encoder for produce requests in this client, its consumers and
 * its producers. kafkajs still does the rest.
 *
 * kafkajs 2.2.4 fails a whole fetch because of one batch that it cannot decompress, delivers records of aborted
 * transactions, and never gets past an empty batch (decision 019). Its encoder loses the order of headers, fails on a
 * null header (tulios/kafkajs#1789), and copies each record six times (decision 041). Our encoder accepts only
 * `OutgoingRecord`s, so this client's producers can send nothing else.
 *
 * `changeFetch` is applied to the `fetch` of each broker.
 */
export function useOwnFormats(client: Kafka, changeFetch: ChangeFetch = (fetch) => fetch): void {
  const { name, create } = clusterFactory(client)
  const createOwn: CreateCluster = (options) => {
    const cluster = create.call(client, options)
    const findBroker = cluster.findBroker.bind(cluster)
    cluster.findBroker = async (node) => ownFormats(await findBroker(node), changeFetch)
    return cluster
  }
  Object.defineProperty(client, name, { value: createOwn })
}

/** A kafkajs request in the version that the broker supports, with the decoder for its response. */
interface Protocol {
  readonly request: { readonly apiVersion: number; encode(): Promise<Encoder> }
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(response: unknown): Promise<unknown> }
}
type MakeRequest<Request> = (request: Request) => Protocol
type Method<Request, Answer> = (request: Request) => Promise<Answer>
type RequestingBroker = Broker & {
  produce: Method<ProduceData, unknown>
  lookupRequest<Request>(apiKey: number, requests: unknown): MakeRequest<Request>
}

/** Makes the broker's `fetch` use our decoder, and its `produce` our encoder. */
function ownFormats(broker: Broker, changeFetch: ChangeFetch): Broker {
  if (Object.hasOwn(broker, 'fetch')) return broker
  const requesting = broker as RequestingBroker
  const fetch = changed<FetchRequest, Pick<FetchResponse, 'responses'>>(
    requesting,
    Reflect.get(broker, 'fetch'),
    withOwnDecoder,
  )
  const produce = changed<ProduceData, unknown>(requesting, requesting.produce, withOwnEncoder)
  return Object.defineProperties(broker, {
    fetch: { value: changeFetch(fetch) },
    produce: { value: produce },
  })
}

/** Returns the broker's method, but with `change` applied to each request. */
function changed<Request, Answer>(
  broker: RequestingBroker,
  method: Method<Request, Answer>,
  change: (protocol: Protocol, request: Request) => Protocol,
): Method<Request, Answer> {
  // The method calls `lookupRequest` each time, with the versions that the broker announced when it connected.
  const changing: RequestingBroker = Object.create(broker, {
    lookupRequest: {
      value: (apiKey: number, requests: unknown): MakeRequest<Request> => {
        const makeRequest = broker.lookupRequest<Request>(apiKey, requests)
        return (request) => change(makeRequest(request), request)
      },
    },
  })
  return (request) => method.call(changing, request)
}

function withOwnEncoder({ request, response }: Protocol, data: ProduceData): Protocol {
  return {
    request: { ...request, encode: async () => encodeProduceRequest(data, request.apiVersion) },
    response: {
      decode: (payload) => response.decode(payload),
      parse: async (decoded) => {
        noteOutcomes(data, decoded as ProduceResponse)
        return response.parse(decoded)
      },
    },
  }
}

function withOwnDecoder(protocol: Protocol, { topics }: FetchRequest): Protocol {
  const offsets = new Map<string, number>()
  for (const { topic, partitions } of topics) {
    for (const { partition, fetchOffset } of partitions) offsets.set(`${topic}:${partition}`, Number(fetchOffset))
  }
  const requestedOffset = (topic: string, partition: number) => offsets.get(`${topic}:${partition}`) ?? 0
  const { request, response } = protocol
  return {
    ...protocol,
    response: {
      decode: async (payload) => decodeFetchResponse(payload, request.apiVersion, requestedOffset),
      parse: async (decoded) => response.parse(decoded),
    },
  }
}
