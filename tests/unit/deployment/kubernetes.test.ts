import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute'
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'
import { TriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readConfig } from '../../../shared/settings/config.ts'
import { allowedMethods, ROUTES } from '../../../shared/http/routes.ts'
import { createTopics } from '../../../shared/messaging/topics.ts'

const BASE = join(import.meta.dirname, '..', '..', '..', 'infra', 'kubernetes', 'base')
const ROLES = ['order-api', 'order-processor', 'order-query']
const NAME = 'app.kubernetes.io/name'

interface Container {
  readonly envFrom: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
  readonly resources: { limits: { memory: string } }
  readonly securityContext: {
    allowPrivilegeEscalation: boolean
    readOnlyRootFilesystem: boolean
    capabilities: { drop: string[] }
  }
  readonly volumeMounts: { name: string; mountPath: string }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
}
interface Probe {
  readonly httpGet: { path: string; port: string }
}
interface Resource {
  readonly kind: string
  readonly metadata: { name: string }
  readonly spec: {
    readonly scaleTargetRef?: { name: string }
    readonly selector?: Record<string, unknown> & { matchLabels?: Record<string, string> }
    readonly maxReplicaCount?: number
    readonly triggers?: { metadata: Record<string, string>; useCachedMetrics?: boolean }[]
    readonly secretTargetRef?: { parameter: string; name: string; key: string }[]
    readonly rules?: { matches: { method?: string; path: { value: string } }[]; backendRefs: { name: string }[] }[]
    readonly template?: {
      metadata: { labels: Record<string, string> }
      spec: {
        enableServiceLinks: boolean
        securityContext: { runAsNonRoot: boolean }
        topologySpreadConstraints: { labelSelector: { matchLabels: Record<string, string> } }[]
        containers: [Container]
      }
    }
  }
}

const resources = readdirSync(BASE)
  .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
  .flatMap((file) => parseAllDocuments(readFileSync(join(BASE, file), 'utf8')).map((found) => found.toJS() as Resource))
const settings = Object.fromEntries(
  readFileSync(join(BASE, 'settings.env'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value ?? '']]
    }),
)
const config = readConfig(
  {
    ...settings,
    KAFKA_USERNAME: 'orders',
    KAFKA_PASSWORD: 'of-nothing',
    SQL_CONNECTION_STRING: 'Server=sql',
    ORDER_ID_SECRET: 'a-secret-of-this-test-alone',
  },
  'functions',
)

function ofKind(kind: string): Resource[] {
  return resources.filter((resource) => resource.kind === kind)
}

function only(kind: string): Resource {
  const [found, ...others] = ofKind(kind)
  if (found === undefined || others.length > 0) throw new Error(`There is not one ${kind}.`)
  return found
}

describe('the manifests for Kubernetes', () => {
  test.each(['order-api', 'order-query'])(
    '%s is updated without a gap, and an instance exits only after its callers have been answered',
    (name) => {
      const role = ofKind('Deployment').find(({ metadata }) => metadata.name === name)
      expect(role?.spec).toMatchObject({
        strategy: { rollingUpdate: { maxUnavailable: 0 } },
        template: { spec: { containers: [{ lifecycle: { preStop: { exec: { command: ['sleep', '10'] } } } }] } },
      })
    },
  )

  test('deploy the three roles, each with the common settings, its own and the secret', () => {
    expect(ofKind('Deployment').map(({ metadata }) => metadata.name)).toEqual(ROLES)
    for (const { metadata, spec } of ofKind('Deployment')) {
      const sources = spec.template?.spec.containers[0].envFrom.map(
        ({ configMapRef, secretRef }) => configMapRef?.name ?? secretRef?.name,
      )
      expect(sources).toEqual(['order-settings', metadata.name, 'order-secrets'])
    }
  })

  test('select the intended objects', () => {
    for (const { metadata, spec } of ofKind('Deployment')) {
      const label = { [NAME]: metadata.name }
      expect(spec.selector?.matchLabels).toEqual(label)
      expect(spec.template?.metadata.labels).toEqual(label)
      for (const { labelSelector } of spec.template?.spec.topologySpreadConstraints ?? []) {
        expect(labelSelector.matchLabels).toEqual(label)
      }
    }
    for (const { metadata, spec } of ofKind('Service')) expect(spec.selector).toEqual({ [NAME]: metadata.name })
    const budgets = ofKind('PodDisruptionBudget').map(({ spec }) => spec.selector?.matchLabels?.[NAME])
    expect(budgets).toEqual(ROLES)
    const scaled = [...ofKind('HorizontalPodAutoscaler'), ...ofKind('ScaledObject')]
    expect(new Set(scaled.map(({ spec }) => spec.scaleTargetRef?.name))).toEqual(new Set(ROLES))
  })

  test('probe health where the functions answer it', () => {
    for (const { spec } of ofKind('Deployment')) {
      const { startupProbe, livenessProbe, readinessProbe } = spec.template?.spec.containers[0] ?? {}
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        expect(allowedMethods(probe?.httpGet.path ?? '')).toContain('GET')
      }
      // Liveness must not depend on the store, because an outage must not restart instances.
      for (const probe of [startupProbe, livenessProbe]) expect(probe?.httpGet.path).toBe(`/${ROUTES.liveness.route}`)
    }
  })

  test('give the functions minimal rights, and no variables that could be taken for settings', () => {
    for (const { spec } of ofKind('Deployment')) {
      expect(spec.template?.spec).toMatchObject({
        enableServiceLinks: false,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      })
      expect(spec.template?.spec.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(spec.template?.spec.containers[0].volumeMounts).toEqual([{ name: 'scratch', mountPath: '/tmp' }])
    }
  })

  test('scale the processor by the lag of the orders topic alone, to at most the number of partitions', () => {
    const { orders, group } = createTopics(config.topic, config.consumerGroup, config.retryDelaysMs)
    const { triggers, maxReplicaCount } = only('ScaledObject').spec
    expect(triggers).toHaveLength(1)
    expect(triggers?.[0]?.metadata).toMatchObject({ topic: orders, consumerGroup: group })
    // Otherwise `excludePersistentLag` hides all lag from the autoscaler, whose request immediately follows the poll.
    expect(triggers?.[0]?.useCachedMetrics).toBe(true)
    expect(maxReplicaCount).toBeLessThanOrEqual(config.partitions)
  })

  test('count partitions without commits, and leave out those that do not move', () => {
    // With `latest`, KEDA counts a partition without a commit as 1, whatever its lag (seen in tests/keda/run-keda.sh).
    expect(only('ScaledObject').spec.triggers?.[0]?.metadata).toMatchObject({
      offsetResetPolicy: 'earliest',
      excludePersistentLag: 'true',
      allowIdleConsumers: 'false',
    })
    expect(only('ScaledObject').spec.triggers?.[0]?.metadata).not.toHaveProperty('scaleToZeroOnInvalidOffset')
  })

  test('authenticate KEDA by every means that a broker may require, including a private authority', () => {
    const parameters = only('TriggerAuthentication').spec.secretTargetRef?.map(({ parameter }) => parameter)
    expect(parameters).toEqual(expect.arrayContaining(['sasl', 'tls', 'ca', 'username', 'password']))
  })

  test('contain no secret, only references', () => {
    expect(Object.keys(settings).filter((name) => /PASSWORD|SECRET|_KEY$|CONNECTION/.test(name))).toEqual([])
    for (const { name } of only('TriggerAuthentication').spec.secretTargetRef ?? []) expect(name).toBe('order-secrets')
  })

  test('route every path to a role that serves it', () => {
    const rules = only('HTTPRoute').spec.rules ?? []
    const backendOf = (method: string, path: string) =>
      rules.find(({ matches }) =>
        matches.some(
          (match) =>
            (match.method === undefined || match.method === method) &&
            (match.method === undefined && match.path.value !== '/'
              ? `${path}/`.startsWith(`${match.path.value}/`)
              : path === match.path.value),
        ),
      )?.backendRefs[0]?.name
    for (const [name, { methods, route }] of Object.entries(ROUTES)) {
      const path = name === 'home' ? '/' : `/${route}`
      const expected = name.startsWith('placeOrder') ? 'order-api' : 'order-query'
      for (const method of methods) expect(backendOf(method, path), `${method} ${path}`).toBe(expected)
    }
  })
})

/** The schemas of KEDA and the Gateway API; infra/kubernetes/validate.py has those of Kubernetes itself. */
describe('objects that other projects define', () => {
  const SCHEMAS = { HTTPRoute, ScaledObject, TriggerAuthentication } as const
  const isTaken = (kind: string, resource: unknown) => {
    try {
      const Model = SCHEMAS[kind as keyof typeof SCHEMAS] as new (data: unknown) => { validate: () => void }
      new Model(resource).validate()
      return true
    } catch {
      return false
    }
  }

  test.each(Object.keys(SCHEMAS))('%s matches its schema, and has no field that the schema lacks', (kind) => {
    const resource = only(kind)
    expect(isTaken(kind, resource)).toBe(true)
    // A schema ignores an unknown name; for a known name it refuses a value of the wrong type.
    const unknown = fieldsOf(resource.spec).filter((path) => isTaken(kind, withWrong(resource, ['spec', ...path])))
    expect(unknown.map((path) => path.join('.'))).toEqual([])
  })
})

type Path = readonly (string | number)[]

function fieldsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return []
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.flatMap(([name, inner]) => [[...path, name], ...fieldsOf(inner, [...path, name])])
}

/** The same object with a list of lists at the path, which is invalid for each of these fields. */
function withWrong(value: unknown, [step, ...rest]: Path): unknown {
  if (step === undefined) return [[]]
  const copy: unknown = Array.isArray(value) ? [...value] : { ...(value as object) }
  const holder = copy as Record<string | number, unknown>
  holder[step] = withWrong(holder[step], rest)
  return copy
}
