import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { OrderError, messageOf } from '../../shared/domain/errors.ts'
import type { Environment } from '../../shared/settings/environment.ts'

/** The part of host.json that this host supports, with the defaults of the runtime and of the Kafka extension. */
export interface HostJson {
  readonly routePrefix: string
  /** Undefined means no limit. */
  readonly functionTimeoutMs: number | undefined
  readonly kafka: {
    readonly maxBatchSize: number
    /** Whether a batch is skipped once the retries that the function's policy allows are used up. */
    readonly commitOnFailure: boolean
    /** Without commitOnFailure: how many times a batch is retried before it is skipped; -1 means forever. */
    readonly maxRetries: number
  }
}

const DEFAULT_TIMEOUT = '00:30:00'
const TIME_SPAN = /^(?:-1|(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}))$/
const OVERRIDE = /^AzureFunctionsJobHost(?:__|:)(.+)$/i

const bool = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })])

const schema = z.object({
  functiontimeout: z.string().regex(TIME_SPAN, { error: 'must be hh:mm:ss or -1' }).default(DEFAULT_TIMEOUT),
  extensions: z
    .object({
      http: z.object({ routeprefix: z.string().default('api') }).prefault({}),
      kafka: z
        .object({
          maxbatchsize: z.coerce.number().int().min(1).default(64),
          commitonfailure: bool.default(true),
          maxretries: z.coerce.number().int().min(-1).default(5),
        })
        .prefault({}),
    })
    .prefault({}),
})

/**
 * Reads host.json; settings such as `AzureFunctionsJobHost__extensions__kafka__maxBatchSize` override it. Throws
 * `invalid-setting` with a one-line message.
 */
export function readHostJson(root: string, settings: Environment): HostJson {
  const file = join(root, 'host.json')
  try {
    return parseHostJson(JSON.parse(readFileSync(file, 'utf8')), settings)
  } catch (error) {
    throw new OrderError('invalid-setting', `${file} cannot be used: ${messageOf(error)}`, { cause: error })
  }
}

export function parseHostJson(json: unknown, settings: Environment = {}): HostJson {
  const parsed = schema.safeParse(withOverrides(lowerNames(json), settings))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new OrderError('invalid-setting', `${issue?.path.join('.')}: ${issue?.message}.`)
  }
  const { functiontimeout, extensions } = parsed.data
  const { maxbatchsize, commitonfailure, maxretries } = extensions.kafka
  return {
    routePrefix: extensions.http.routeprefix,
    functionTimeoutMs: toMs(functiontimeout),
    kafka: { maxBatchSize: maxbatchsize, commitOnFailure: commitonfailure, maxRetries: maxretries },
  }
}

function toMs(timeSpan: string): number | undefined {
  if (timeSpan === '-1') return undefined
  const [, days = '0', hours, minutes, seconds] = TIME_SPAN.exec(timeSpan) ?? []
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

interface Tree {
  [name: string]: unknown
}

/** Names in .NET's configuration are case-insensitive. */
function lowerNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.toLowerCase(), lowerNames(inner)]))
}

function withOverrides(json: unknown, settings: Environment): unknown {
  for (const [name, value] of Object.entries(settings)) {
    const path = OVERRIDE.exec(name)?.[1]?.toLowerCase().split(/__|:/)
    const last = path?.pop()
    if (path === undefined || last === undefined || value === undefined) continue
    let place = json as Tree
    for (const step of path) place = (place[step] ??= {}) as Tree
    place[last] = value
  }
  return json
}
