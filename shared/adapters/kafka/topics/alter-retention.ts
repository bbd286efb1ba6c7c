import kafkajs from 'kafkajs'
import { messageOf, OrderError } from '../../../domain/errors.ts'
import type { TopicChange, TopicSpec } from '../../../ports/event-log.ts'
import type { AdminClient } from '../client/admin.ts'
import { askPatiently } from '../client/ask.ts'
import type { Cluster } from '../client/cluster.ts'
import { createDecoder } from '../client/decoder.ts'
import { isDenied, rootOf } from '../client/errors.ts'
import type { Lazy } from '../client/lazy.ts'
import { createEncoder } from '../client/encoder.ts'
import { protocolError, sendOwn, type Exchange } from '../client/own-request.ts'
import { describeSettings, RETENTION, type TopicSettings } from './topic-settings.ts'

const INCREMENTAL_ALTER_CONFIGS = 44
const SET = 0

/**
 * Sets `retention.ms` of existing topics to the value in their specs where the two differ, and returns the changed
 * settings. Uses IncrementalAlterConfigs (KIP-339), which leaves all other settings unchanged. kafkajs 2.2.4 supports
 * only AlterConfigs, which removes every other setting of the topic.
 *
 * Changes nothing if Kafka refuses to show the settings; a warning at startup reports that. Rejects with
 * `log-unavailable`, or with `conflict` if Kafka refuses a change.
 */
export async function alterRetention(
  admin: Pick<AdminClient, 'ask'>,
  cluster: Lazy<Cluster>,
  timeoutMs: number,
  specs: readonly TopicSpec[],
): Promise<readonly TopicChange[]> {
  const names = specs.map(({ name }) => name)
  const settings = await describeSettings(admin, names).catch(nothingIfDenied)
  const changes = specs.flatMap(({ name: topic, config }): TopicChange[] => {
    const [before, after] = [settings.get(topic)?.get(RETENTION)?.value, config[RETENTION]]
    const differs = before !== undefined && after !== undefined && before !== after
    return differs ? [{ topic, setting: RETENTION, before, after }] : []
  })
  if (changes.length === 0) return []
  const refusals = await askPatiently(timeoutMs, `Changing ${RETENTION} of topics`, () =>
    cluster.use((connected) => sendOwn(connected, settingOf(changes))),
  )
  if (refusals === undefined) {
    const message = `This version of Kafka can't change ${RETENTION} alone: change it with kafka-configs.sh.`
    throw new OrderError('conflict', message)
  }
  const [refusal] = refusals
  if (refusal === undefined) return changes
  const list = refusals.map(({ topic }) => topic).join(', ')
  throw new OrderError('conflict', `Kafka refuses to change ${RETENTION} of ${list}: ${refusal.why}`, {
    cause: refusal.cause,
  })
}

function nothingIfDenied(error: unknown): ReadonlyMap<string, TopicSettings> {
  if (isDenied(error)) return new Map()
  throw error
}

interface Refusal {
  readonly topic: string
  readonly why: string
  readonly cause: Error
}

/** Uses version 0, which brokers from 2.3 to 4 support. */
function settingOf(changes: readonly TopicChange[]): Exchange<readonly Refusal[]> {
  // Node finds this name only on kafkajs's default export.
  const { TOPIC } = kafkajs.ConfigResourceTypes
  const resources = changes.map(({ topic, setting, after }) => {
    const entry = createEncoder().writeString(setting).writeInt8(SET).writeString(after)
    return createEncoder().writeInt8(TOPIC).writeString(topic).writeArray([entry])
  })
  return {
    request: {
      apiKey: INCREMENTAL_ALTER_CONFIGS,
      apiVersion: 0,
      apiName: 'IncrementalAlterConfigs',
      encode: async () => createEncoder().writeArray(resources).writeBoolean(false), // validate_only
    },
    response: {
      decode: async (payload) => readRefusals(payload),
      parse: async (refusals) => refusals,
    },
  }
}

function readRefusals(payload: Buffer): readonly Refusal[] {
  const decoder = createDecoder(payload)
  decoder.readInt32() // throttle time
  const refusals: Refusal[] = []
  for (let left = decoder.readInt32(); left > 0; left -= 1) {
    const cause = protocolError(decoder.readInt16())
    const words = decoder.readString()
    decoder.readInt8() // resource type
    const topic = decoder.readString() ?? ''
    if (cause !== undefined) refusals.push({ topic, why: words ?? messageOf(rootOf(cause)), cause })
  }
  return refusals
}
