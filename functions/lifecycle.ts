import { setTimeout as sleep } from 'node:timers/promises'
import { app } from '@azure/functions'
import { openedServices, services, settings } from '../shared/services.ts'
import { messageOf } from '../shared/domain/errors.ts'
import { invocationsEnded } from '../shared/invocations.ts'
import { disablePretenuring } from '../shared/pretenuring.ts'
import { isDisabled } from '../shared/role.ts'

const RETRY_MS = 5000
/** The runtime gives a worker 5 seconds to exit. The remaining time is for closing connections. */
const INVOCATIONS_MS = 3500

/**
 * Opens everything before the first invocation, so that no caller waits for it. Never throws: after an error here, the
 * runtime would run without any functions and would not try again.
 */
app.hook.appStart(async () => {
  if (await start()) disablePretenuring()
  else void startLater().then(disablePretenuring)
})

/**
 * Ends invocations that are only waiting; their records are delivered again. In the Functions runtime, the worker exits
 * when this hook ends, so the hook awaits running invocations and closes the services.
 */
app.hook.appTerminate(async () => {
  const all = await openedServices()?.catch(() => undefined)
  all?.stop()
  if (settings().runtime !== 'functions') return
  await invocationsEnded(INVOCATIONS_MS)
  await all?.[Symbol.asyncDispose]()
})

async function start(): Promise<boolean> {
  try {
    const { redrives, ledgerWatch, deliveryWatch, pipelineHistory, recordExpiry, storeRetention } = await services()
    const { disabledFunctions } = settings()
    void deliveryWatch.run()
    void recordExpiry?.run()
    // Every process that has the operations functions works on redrives for as long as the process runs.
    if (!isDisabled(disabledFunctions, 'redriveDeadLetters')) void redrives.run()
    if (!isDisabled(disabledFunctions, 'opsHistory')) void pipelineHistory.run()
    if (!isDisabled(disabledFunctions, 'consumeOrders')) {
      // The process that counts records also watches for records that leave the log uncounted.
      void ledgerWatch.run()
      void storeRetention?.run()
    }
    return true
  } catch (error) {
    // There is no logger yet. If a line contains "fail", the runtime logs it as an error.
    process.stderr.write(`Startup failed; retrying every ${RETRY_MS / 1000} s: ${messageOf(error)}\n`)
    return false
  }
}

async function startLater(): Promise<void> {
  do await sleep(RETRY_MS, undefined, { ref: false })
  while (!(await start()))
}
