import type { Stall } from './application/processing/delivery-watch.ts'
import type { Services } from './composition-root.ts'
import { OrderError } from './domain/errors.ts'
import { openFoundation, type Foundation } from './foundation.ts'
import { createTopics, type Topics } from './messaging/topics.ts'
import type { Config } from './settings/config.ts'
import { readRuntimeSettings } from './settings/runtime-settings.ts'

let config: Config | undefined
let begun: Promise<Foundation> | undefined
let opening: Promise<Services> | undefined
let opened: Services | undefined

/**
 * The settings of this process. The embedded host chooses them with `useSettings`. In the Functions runtime, the first
 * call reads them.
 */
export function settings(): Config {
  config ??= readRuntimeSettings()
  return config
}

/** The topics and consumer groups that functions register for. */
export function topicsOf({ topic, consumerGroup, retryDelaysMs } = settings()): Topics {
  return createTopics(topic, consumerGroup, retryDelaysMs)
}

/** Chooses the settings for this process. Only the embedded host calls this, before anything uses the settings. */
export function useSettings(chosen: Config): void {
  if (begun !== undefined) throw new OrderError('internal', 'The settings of this process are already in use.')
  config = chosen
}

/** Starts opening the services. The embedded host calls this early, to load other modules while threads start. */
export function foundation(): Promise<Foundation> {
  begun ??= openFoundation(settings())
  return begun
}

/**
 * The services, opened once per process, on first use. A failure to open them is not cached, so the next call retries.
 */
export function services(): Promise<Services> {
  opening ??= open().then(
    (all) => (opened = all),
    (error: unknown) => {
      opening = undefined
      begun = undefined
      throw error
    },
  )
  return opening
}

async function open(): Promise<Services> {
  const founded = await foundation()
  const { openServices } = await import('./composition-root.ts')
  return openServices(settings(), founded)
}

/** The services if they are open or being opened; undefined before the first use and after opening has failed. */
export function openedServices(): Promise<Services> | undefined {
  return opening
}

/**
 * The first record that is waiting but is not being delivered to this process, according to the latest check. This
 * function does not start another check.
 */
export function deliveryStall(): Stall | undefined {
  return opened?.deliveryWatch.stall
}
