import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { createOpenApi, OPERATIONS, templateOf } from '../../../shared/api-docs/openapi.ts'
import { API_VERSION } from '../../../shared/api-docs/version.ts'
import { amendmentSchema, cancellationSchema } from '../../../shared/domain/changes/order-changes.ts'
import { newOrderCommandSchema } from '../../../shared/domain/order-commands.ts'
import { PROBLEMS } from '../../../shared/http/protocol/problem.ts'
import { rightFor } from '../../../shared/http/rights.ts'
import { ROUTES, type Route } from '../../../shared/http/routes.ts'
import { createSchemaCheck } from '../../support/api-schemas.ts'

interface Operation {
  operationId: string
  security: unknown[]
  parameters?: { name?: string; in?: string; required?: boolean; $ref?: string }[]
  requestBody?: { content: Record<string, { schema: object; examples: Record<string, { value: unknown }> }> }
  responses: Record<string, { content?: Record<string, Content>; headers?: Record<string, { $ref: string }> }>
}
interface Content {
  schema: object
  example?: unknown
  examples?: Record<string, { value?: unknown; $ref?: string }>
}
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; examples: Record<string, { value: unknown }> }
}

function documentWith(settings: { ordersAuth: 'anonymous' | 'function'; faults: boolean }): Document {
  return structuredClone(createOpenApi(settings)) as unknown as Document
}

const document = documentWith({ ordersAuth: 'anonymous', faults: true })
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
)

const faultOf = createSchemaCheck(document.components)

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1, every reference included', async () => {
    const validator = new Validator()
    expect(await validator.validate({ ...structuredClone(document) })).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  it('has every route, and nothing else; HEAD is implied', () => {
    const routed = Object.entries<Route>(ROUTES).flatMap(([name, route]) =>
      route.methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${templateOf(route)} ${name}`),
    )
    const documented = operations.map(
      ({ path, method, operation }) => `${method.toUpperCase()} ${path} ${operation.operationId}`,
    )
    expect(documented.sort()).toEqual(routed.sort())
  })

  it('leaves out what this installation lacks', () => {
    const without = documentWith({ ordersAuth: 'anonymous', faults: false })
    expect(Object.keys(document.paths).filter((path) => !(path in without.paths))).toEqual(['/api/ops/faults'])
  })

  it('requires the key where the route does, for orders only when the settings say so', () => {
    const guarded = documentWith({ ordersAuth: 'function', faults: true })
    for (const { path, method, operation } of operations) {
      const { access }: Route = ROUTES[operation.operationId as keyof typeof ROUTES]
      const demandsKey = (found: Operation | undefined) =>
        (found?.security.length ?? 0) > 0 && '401' in (found?.responses ?? {})
      const found = [operation.operationId, demandsKey(operation), demandsKey(guarded.paths[path]?.[method])]
      expect(found).toEqual([operation.operationId, access === 'function', access !== 'anonymous'])
    }
  })

  it('states the right that a key needs, and that other keys are refused', () => {
    const guarded = documentWith({ ordersAuth: 'function', faults: true })
    const rights = Object.values(guarded.paths).flatMap((item) =>
      Object.values(item).flatMap(({ operationId, security, responses }) =>
        security.length === 0 ? [] : [{ operationId, security, isRefused: '403' in responses }],
      ),
    )
    expect(rights.length).toBeGreaterThan(20)
    for (const { operationId, security, isRefused } of rights) {
      const right = rightFor(operationId)
      expect([operationId, security]).toEqual([
        operationId,
        [{ functionKey: [right] }, { functionKeyInQuery: [right] }],
      ])
      expect(isRefused).toBe(true)
    }
  })

  it('describes every parameter of every path', () => {
    for (const { path, operation } of operations) {
      const inPath = operation.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => name) ?? []
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
    }
  })

  it('has every problem that an answer can be, at its status, with a valid example', () => {
    const said = new Set<string>(['method-not-allowed', 'not-found'])
    for (const { operation } of operations) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        for (const code of Object.keys(content?.['application/problem+json']?.examples ?? {})) {
          said.add(code)
          expect(PROBLEMS[code as keyof typeof PROBLEMS].status).toBe(Number(status))
        }
      }
    }
    expect([...said].sort()).toEqual(Object.keys(PROBLEMS).sort())
  })

  it('has Retry-After wherever a problem has it', () => {
    for (const { operation } of operations) {
      for (const [status, { headers, content }] of Object.entries(operation.responses)) {
        if (content?.['application/problem+json'] === undefined) continue
        const retriable = ['429', '503'].includes(status)
        expect([operation.operationId, 'Retry-After' in (headers ?? {})]).toEqual([operation.operationId, retriable])
      }
    }
  })

  it('shows only examples that match its own schemas', () => {
    let shown = 0
    for (const { operation } of operations) {
      const bodies = Object.values(operation.requestBody?.content ?? {})
      const answers = Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {}))
      for (const { schema, example, examples } of [...bodies, ...answers] as Content[]) {
        const values = Object.values(examples ?? {}).map(({ value, $ref }) =>
          $ref === undefined ? value : document.components.examples[$ref.split('/').at(-1) ?? '']?.value,
        )
        for (const value of example === undefined ? values : [...values, example]) {
          expect(`${operation.operationId}: ${faultOf(schema, value)}`).toBe(`${operation.operationId}: `)
          shown += 1
        }
      }
    }
    expect(shown).toBeGreaterThan(50)
  })

  it('shows orders that the product itself accepts', () => {
    const shown = Object.values(document.paths['/api/orders']?.['post']?.requestBody?.content ?? {})
    const values = shown.flatMap(({ examples }) => Object.values(examples).map(({ value }) => value))
    expect(values.length).toBeGreaterThan(1)
    for (const value of values) expect(newOrderCommandSchema.safeParse(value).error).toBeUndefined()
  })

  it('accepts and refuses the same orders as the product', () => {
    const schema = { $ref: '#/components/schemas/OrderCommand' }
    const order = JSON.parse(readFileSync('order.json', 'utf8')) as Record<string, unknown>
    const changes = [
      {},
      { customerId: 0 },
      { customerId: 1.5 },
      { customerName: '' },
      { customerName: 'a\u0000' },
      { customerName: '😀'.repeat(100) },
      { customerName: '😀'.repeat(101) },
      { shippingAddress: 'a\nb' },
      { currencyType: 4 },
      { currencyType: 'eur' },
      { totalPrice: -1 },
      { totalPrice: 9_999_999_999.9999 },
      { totalPrice: 10_000_000_000 },
      { paymentMethodType: 5 },
      { orderItems: [] },
      { note: 'x' },
      { reference: 'WEB-1' },
      { reference: ' ' },
      { reference: null },
      { reference: '😀'.repeat(100) },
      { metadata: {} },
      { metadata: { 'a.b_C-1': 'x\ny', e: '' } },
      { metadata: { 'a b': 'x' } },
      { metadata: { a: 1 } },
      { metadata: { a: 'x'.repeat(501) } },
      { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`k${index}`, ''])) },
    ]
    for (const change of changes) {
      const value = { ...order, ...change }
      const taken = newOrderCommandSchema.safeParse(value).success
      expect([change, faultOf(schema, value) === '']).toEqual([change, taken])
    }
  })

  it('accepts and refuses the same changes as the product', () => {
    const { orderItems } = JSON.parse(readFileSync('order.json', 'utf8')) as { orderItems: unknown }
    const amendments = [
      {},
      [],
      { shippingAddress: '7 Example Road' },
      { shippingAdress: '7 Example Road' },
      { shippingAddress: null },
      { shippingAddress: '' },
      { customerId: 1 },
      { currencyType: 'EUR' },
      { reference: 'WEB-1' },
      { totalPrice: 10, paymentMethodType: 4, orderItems },
      { totalPrice: -1 },
      { orderItems: [] },
    ]
    const cancellations = [{}, { reason: 'x' }, { reason: '' }, { reason: '😀'.repeat(201) }, { why: 'x' }, null]
    const cases = [
      ...amendments.map((value) => ({ name: 'Amendment', schema: amendmentSchema, value })),
      ...cancellations.map((value) => ({ name: 'Cancellation', schema: cancellationSchema, value })),
    ]
    for (const { name, schema, value } of cases) {
      const isTaken = faultOf({ $ref: `#/components/schemas/${name}` }, value) === ''
      expect([name, value, isTaken]).toEqual([name, value, schema.safeParse(value).success])
    }
  })

  it('has Accept-Patch where a PATCH is refused because of its format, and nowhere else', () => {
    const naming = operations.filter(({ operation }) => 'Accept-Patch' in (operation.responses['415']?.headers ?? {}))
    expect(naming.map(({ method }) => method)).toEqual(['patch'])
  })

  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(API_VERSION).toBe(version)
  })

  it('has a summary for every route', () => {
    for (const { summary } of Object.values(OPERATIONS)) expect(summary).toMatch(/^\p{Lu}.*[^.]$/u)
  })
})
