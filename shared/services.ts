import type { Stall } from './application/processing/delivery-watch.ts'
import { openServices, type Services } from './composition-root.ts'
import { OrderError } from './domain/errors.ts'
import { createTopics, type Topics } from './messaging/topics.ts'
import type { Config } from './settings/config.ts'
import { readRuntimeSettings } from './settings/runtime-settings.ts'

let config: Config | undefined
let opening: Promise<Services> | undefined
let opened: Services | undefined

/** The settings of this process. In the Functions runtime nobody else has read them before. */
export function settings(): Config {
  config ??= readRuntimeSettings()
  return config
}

/** The topics and groups that the settings name: what functions register for. */
export function topicsOf({ topic, consumerGroup, retryDelaysMs } = settings()): Topics {
  return createTopics(topic, consumerGroup, retryDelaysMs)
}

/** Chooses the settings of this process, before anything has asked for them; the embedded host's way in. */
export function useSettings(chosen: Config): void {
  if (opening !== undefined) throw new OrderError('internal', 'The settings of this process are in use already.')
  config = chosen
}

/** Made once a process, when first asked for. A failure to open is remembered no longer than it lasts. */
export function services(): Promise<Services> {
  opening ??= openServices(settings()).then(
    (all) => (opened = all),
    (error: unknown) => {
      opening = undefined
      throw error
    },
  )
  return opening
}

/** What was opened, or is being opened; undefined before, and after it failed. */
export function openedServices(): Promise<Services> | undefined {
  return opening
}

/** What waits and is not handed to this process, as far as it has looked; asks nobody. */
export function deliveryStall(): Stall | undefined {
  return opened?.deliveryWatch.stall
}
