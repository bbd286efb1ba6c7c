import { describe, expect, it } from 'vitest'
import { createAsyncApi } from '../../../shared/api-docs/asyncapi.ts'
import { createOpenApi } from '../../../shared/api-docs/openapi.ts'
import { MAX_AMOUNT } from '../../../shared/domain/money.ts'
import { loggedOrderSchema, newOrderCommandSchema } from '../../../shared/domain/order-commands.ts'
import { newOrderJson } from '../../../shared/domain/order-events.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'
import { createSchemaCheck } from '../../support/api-schemas.ts'
import { newOrder } from '../../support/orders/orders.ts'

/** For validators and generators in other languages, it is not enough that the two documents are valid. */

type Node = Readonly<Record<string, unknown>>
interface Operation {
  readonly operationId: string
  readonly parameters?: readonly (Node & { readonly $ref?: string })[]
  readonly responses: Readonly<Record<string, Answer>>
}
interface Answer {
  readonly content?: Readonly<Record<string, { readonly example?: unknown; readonly examples?: Node }>>
  readonly links?: Readonly<Record<string, { operationId: string; parameters: Readonly<Record<string, string>> }>>
}

const openApi = structuredClone(createOpenApi({ ordersAuth: 'anonymous', faults: true })) as {
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Node>; parameters: Record<string, Node> }
}
const asyncApi = structuredClone(
  createAsyncApi(createTopics('orders', 'order-processor', [10_000]), {
    partitions: 6,
    replication: 1,
    logRetentionMs: null,
  }),
) as { components: { schemas: Record<string, Node> } }
const operations = Object.values(openApi.paths).flatMap((item) => Object.values(item))

/** Every object in a document, with its path; examples are data and are left out. */
function nodesOf(value: unknown, place = ''): { place: string; node: Node }[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => nodesOf(one, `${place}/${index}`))
  if (typeof value !== 'object' || value === null) return []
  const node = value as Node
  const inner = Object.entries(node).flatMap(([name, child]) =>
    ['example', 'examples', 'default', 'const'].includes(name) ? [] : nodesOf(child, `${place}/${name}`),
  )
  return [{ place, node }, ...inner]
}

function typesOf({ type }: Node): unknown[] {
  return [type].flat()
}

function componentAt(ref: string): Node {
  return openApi.components.parameters[ref.split('/').at(-1) ?? ''] ?? {}
}

describe.each([
  ['OpenAPI', openApi],
  ['AsyncAPI', asyncApi],
])('the %s document', (_name, document) => {
  const nodes = nodesOf(document)

  it('states the width of every integer and amount', () => {
    const numbers = nodes.filter(({ node }) => typesOf(node).some((type) => type === 'integer' || type === 'number'))
    expect(numbers.length).toBeGreaterThan(3)
    const widths = { integer: ['int32', 'int64'], number: ['double'] }
    const without = numbers.filter(
      ({ node }) => !widths[typesOf(node).includes('integer') ? 'integer' : 'number'].includes(String(node['format'])),
    )
    expect(without.map(({ place }) => place)).toEqual([])
  })

  it('computes nothing in binary fractions', () => {
    expect(nodes.filter(({ node }) => 'multipleOf' in node).map(({ place }) => place)).toEqual([])
  })

  it('needs no look-ahead and no surrogate halves in a regular expression', () => {
    const patterns = nodes.flatMap(({ node }) => (typeof node['pattern'] === 'string' ? [node['pattern']] : []))
    expect(patterns.length).toBeGreaterThan(3)
    expect(patterns.filter((pattern) => /ud800|\(\?[=!<]/.test(pattern))).toEqual([])
  })

  it('has no construct that generators cannot read: a property that is only null, a tuple', () => {
    const isOnlyNull = (place: string, node: Node) => node['type'] === 'null' && !/\/(?:anyOf|oneOf)\/\d+$/.test(place)
    const odd = nodes.filter(
      ({ place, node }) => isOnlyNull(place, node) || node['items'] === false || 'prefixItems' in node,
    )
    expect(odd.map(({ place }) => place)).toEqual([])
  })
})

describe('the documents, under validators with default settings,', () => {
  const faultOf = createSchemaCheck(openApi.components)
  const command = { $ref: '#/components/schemas/OrderCommand' }
  const event = asyncApi.components.schemas['NewOrder'] ?? {}
  const { data } = newOrder()

  it('accept every amount in cents that the product accepts, up to the largest', () => {
    const cents = Array.from({ length: 20_000 }, (_, index) => index / 100)
    const refused = [...cents, 0.0001, 1234567.8901, MAX_AMOUNT].filter((totalPrice) => {
      const order = { ...data, totalPrice }
      expect(newOrderCommandSchema.safeParse(order).success).toBe(true)
      return faultOf(command, order) !== '' || faultOf(event, JSON.parse(newOrderJson(order))) !== ''
    })
    expect(refused).toEqual([])
  })

  it('accept and refuse the same e-mails and blank strings as the product, and the events older than the rule', () => {
    const texts = [
      '',
      ' ',
      'a',
      ' a ',
      '\u00a0',
      '\u2009\u3000',
      '\ufeff',
      '\u0085',
      'a\u2028',
      'é',
      '😀',
      'a@b',
      '@b',
      'a@',
      'a b@c',
      'a@\n',
    ]
    for (const name of ['customerName', 'customerLastName', 'customerEmail', 'shippingAddress', 'billingAddress']) {
      for (const text of [...texts, ...(name.endsWith('Address') ? ['\n', '\ta'] : [])]) {
        const order = { ...data, [name]: text }
        const isTaken = newOrderCommandSchema.safeParse(order).success
        expect([name, text, faultOf(command, order) === '']).toEqual([name, text, isTaken])
        const isRead = loggedOrderSchema.safeParse(order).success
        expect([name, text, faultOf(event, order) === '']).toEqual([name, text, isRead])
        expect(isRead || !isTaken).toBe(true)
      }
    }
  })

  it('can be parsed in every schema', () => {
    for (const name of Object.keys(openApi.components.schemas)) {
      expect(() => faultOf({ $ref: `#/components/schemas/${name}` }, null), name).not.toThrow()
    }
  })
})

describe('the OpenAPI document and generators', () => {
  it('has no name that a generator creates itself', () => {
    const names = Object.keys(openApi.components.schemas)
    const made = new Map<string, string>()
    for (const name of names) made.set(`New${name}`, `the constructor of ${name}`)
    for (const { operationId } of operations) {
      for (const suffix of ['Request', 'Response', 'Params', 'JSONBody', 'JSONRequestBody']) {
        made.set(`${pascal(operationId)}${suffix}`, `a type of the operation ${operationId}`)
      }
    }
    for (const { place, node } of nodesOf(openApi.components.schemas)) {
      const { type, enum: values, anyOf } = node
      // Generators name inline schemas after their path, and add Inner for lists and Enum for enumerations.
      if (type !== 'object' && values === undefined && anyOf === undefined) continue
      const parts = place.split('/').filter((part) => !/^(?:|properties|items|anyOf|\d+)$/.test(part))
      if (parts.length < 2) continue
      for (const suffix of ['', 'Inner', 'Enum']) made.set(`${parts.map(pascal).join('')}${suffix}`, place)
    }
    expect(names.filter((name) => made.has(name)).map((name) => [name, made.get(name)])).toEqual([])
    const spellings = names.map((name) => name.toLowerCase())
    expect(new Set(spellings).size).toBe(names.length)
  })

  it('states where it is served, and describes every parameter', () => {
    expect(openApi.servers.map(({ url }) => url)).toEqual(['/'])
    const parameters = operations.flatMap(({ operationId, parameters: found = [] }) =>
      found.map((one): Node => ({ operationId, ...(one.$ref === undefined ? one : componentAt(one.$ref)) })),
    )
    expect(parameters.length).toBeGreaterThan(60)
    const silent = parameters.filter(({ description }) => typeof description !== 'string' || description === '')
    expect(silent.map(({ operationId, name }) => [operationId, name])).toEqual([])
  })

  it('declares an order id a uuid in every answer and path', () => {
    const schemas = nodesOf(openApi.components.schemas).filter(
      ({ place }) => place.endsWith('/properties/orderId') && !/^\/(?:Redrive|Discard)\//.test(place),
    )
    const paths = operations.flatMap(({ parameters = [] }) =>
      parameters.filter((one) => one['name'] === 'orderId' && one['in'] === 'path').map((one) => one['schema'] as Node),
    )
    const ids = [...schemas.map(({ node }) => node), ...paths]
    expect(ids.length).toBeGreaterThan(5)
    for (const { anyOf, ...schema } of ids) {
      const one = (anyOf as Node[] | undefined)?.[0] ?? schema
      expect([one['type'], one['format'], one['pattern']].flat()).toEqual(
        expect.arrayContaining(['string', 'uuid', undefined]),
      )
    }
  })

  it('has an example of every JSON answer', () => {
    const answers = operations.flatMap(({ operationId, responses }) =>
      Object.entries(responses).map(([status, { content }]) => ({ operationId, status, content })),
    )
    const bare = answers.filter(({ content = {} }) =>
      Object.entries(content).some(
        ([type, { example, examples = {} }]) =>
          /json/.test(type) && example === undefined && Object.keys(examples).length === 0,
      ),
    )
    expect(bare.map(({ operationId, status }) => `${operationId} ${status}`)).toEqual([])
  })

  it('links to routes whose parameters its answers have', () => {
    const links = operations.flatMap(({ operationId, responses }) =>
      Object.values(responses).flatMap(({ links: found = {}, content }) =>
        Object.values(found).map((link) => ({ from: operationId, link, example: exampleOf(content) })),
      ),
    )
    expect(links.map(({ from }) => from)).toEqual(
      expect.arrayContaining(['placeOrder', 'listOrders', 'listDeadLetters', 'deadLetterGroups', 'redriveDeadLetters']),
    )
    for (const { from, link, example } of links) {
      const target = operations.find(({ operationId }) => operationId === link.operationId)
      const taken = target?.parameters?.map(({ name }) => name) ?? []
      for (const [name, expression] of Object.entries(link.parameters)) {
        expect(taken, `${from} to ${link.operationId}`).toContain(name)
        expect(at(example, expression.replace('$response.body#', '')), `${from}: ${expression}`).not.toBeUndefined()
      }
    }
  })
})

function pascal(name: string): string {
  return name.replace(/^./, (letter) => letter.toUpperCase())
}

function exampleOf(content: Answer['content']): unknown {
  const { example, examples = {} } = content?.['application/json'] ?? {}
  return example ?? (Object.values(examples)[0] as { value: unknown }).value
}

/** The value at an RFC 6901 JSON pointer. */
function at(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce((found, part) => (found as Record<string, unknown> | undefined)?.[part], value)
}
