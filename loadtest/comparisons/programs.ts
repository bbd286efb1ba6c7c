import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { commitOf } from '../machine.ts'
import { UsageError } from '../options.ts'
import { untilStored } from '../outcome/standing.ts'
import { drainFully, readLedger } from '../outcome/verdict.ts'
import { ask, ROOT, startProduct, startServer, type Target } from '../target.ts'
import { createGoService } from './go-service.ts'

/** A program that accepts orders and stores them: this checkout's product, or a peer to compare it with. */
export interface Program extends Storing {
  readonly name: string
  /** The root directory of the product's checkout; undefined for a baseline. */
  readonly root?: string
  /** A product is compared with another product only if both use the same log. Undefined for a baseline. */
  readonly log?: LogKind
  readonly start: (role: Role) => Promise<Target>
  /** Builds the program if it has to be built. Throws `TargetError` if that is not possible here. */
  readonly prepare?: () => Promise<unknown>
}

export interface Storing {
  /** The number of orders stored so far. */
  readonly stored: (target: Target) => Promise<number>
  /** Waits until all accepted orders are stored, because storing is part of the cost. */
  readonly settle: (target: Target, accepted: number, signal: AbortSignal) => Promise<void>
}

export interface Role {
  /** If false, the program accepts orders but does not store them. */
  readonly storing: boolean
  readonly topic?: string
  readonly group?: string
  /** The data directory of a product. */
  readonly directory?: string
}

type LogKind = 'embedded' | 'Kafka'
type Settings = Readonly<Record<string, string>>

const DRAIN_SECONDS = 300
const EMBEDDED: Settings = { KAFKA_BROKERS: '', SQL_CONNECTION_STRING: '' }
export const INTAKE_ALONE: Settings = { AzureWebJobs_consumeOrders_Disabled: 'true' }

export const STORING_PRODUCT: Storing = {
  stored: async (target) => (await readLedger(target))?.totals.stored ?? 0,
  settle: async (target, _, signal) => void (await drainFully(target, DRAIN_SECONDS, signal)),
}

/** The product whose root directory is `root`. `settings` are added to those that the role requires. */
export function product(root: string, log: LogKind, settings: Settings = {}): Program {
  const name = root === ROOT ? 'product' : `product at ${commitOf(root) ?? basename(root)}`
  return {
    name: log === 'Kafka' ? `${name} on Kafka` : name,
    root,
    log,
    start: (role) => startProduct({ ...(log === 'embedded' && EMBEDDED), ...settings, ...productSettings(role) }, root),
    ...STORING_PRODUCT,
  }
}

function productSettings({ storing, topic, group, directory }: Role): Settings {
  return {
    ...(!storing && INTAKE_ALONE),
    ...(topic !== undefined && { ORDERS_TOPIC: topic }),
    ...(group !== undefined && { ORDERS_CONSUMER_GROUP: group }),
    ...(directory !== undefined && { DATA_DIR: directory }),
  }
}

/** The product in this checkout, and the one in the directory that `--against` names. */
export function products(log: LogKind, against: string | undefined, settings?: Settings): Program[] {
  const roots = against === undefined ? [ROOT] : [resolve(against), ROOT]
  return roots.map((root) => product(root, log, settings))
}

/** Throws `UsageError` for a directory that is not another checkout of the product. */
export function checkAgainst(against: string | undefined): void {
  if (against === undefined) return
  if (resolve(against) !== ROOT && existsSync(join(against, 'infra/host/start.ts'))) return
  throw new UsageError(`--against must name another checkout of the product, not "${against}".`)
}

export const bare = baseline('bare node:http', script('bare.ts'))
export const express = baseline('express + kafkajs + zod', script('express-kafkajs.ts'))
export const fastify = baseline('fastify + @platformatic/kafka', script('fastify-platformatic.ts'))

export function goService(): Program {
  const build = createGoService()
  return { ...baseline('go + franz-go + sqlite', async () => [await build()]), prepare: build }
}

type Command = [string, ...string[]]

function script(file: string): () => Promise<Command> {
  return async () => [process.execPath, join(import.meta.dirname, '../baselines', file)]
}

function baseline(name: string, command: () => Promise<Command>): Program {
  return {
    name,
    // Each start gets its own topic, because otherwise leftover orders from earlier starts would be stored first.
    async start({ storing, topic = `loadtest-baseline-${Date.now().toString(36)}`, group = topic }) {
      const settings = { BASELINE_TOPIC: topic, BASELINE_GROUP: group, BASELINE_STORING: storing ? 'on' : 'off' }
      return { ...(await startServer(name, await command(), { ...process.env, ...settings })), key: undefined }
    },
    stored: storedByBaseline,
    async settle(target, accepted, signal) {
      const look = async () => ({ stored: await storedByBaseline(target), at: performance.now(), cpu: undefined })
      await untilStored(accepted, name, look, signal)
    },
  }
}

async function storedByBaseline(target: Target): Promise<number> {
  return ((await ask(target, '/stored')).body as { stored: number }).stored
}
