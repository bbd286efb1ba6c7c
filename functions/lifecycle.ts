import { setTimeout as sleep } from 'node:timers/promises'
import { app } from '@azure/functions'
import { openedServices, services, settings } from '../shared/services.ts'
import { messageOf } from '../shared/domain/errors.ts'
import { invocationsEnded } from '../shared/invocations.ts'
import { isDisabled } from '../shared/role.ts'

const RETRY_MS = 5000
/** The runtime gives a worker 5 seconds to end, and connections have to be closed in them too. */
const INVOCATIONS_MS = 3500

/**
 * Opens everything before the first invocation, so that no caller pays for it. Never fails: the runtime would go on
 * without a single function, and would not try again.
 */
app.hook.appStart(async () => {
  if (!(await start())) void startLater()
})

/**
 * Ends what only waits; it is delivered again. In the Functions runtime nobody else closes what was opened, and the worker
 * ends when this does: an invocation that has not ended then loses its answer.
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
    const { redrives, ledgerWatch, deliveryWatch, pipelineHistory } = await services()
    const { disabledFunctions } = settings()
    void deliveryWatch.run()
    // Any live process that has the operations functions carries redrives out; it ends with the process.
    if (!isDisabled(disabledFunctions, 'redriveDeadLetters')) void redrives.run()
    if (!isDisabled(disabledFunctions, 'opsHistory')) void pipelineHistory.run()
    // Whoever counts also looks at what the log forgets.
    if (!isDisabled(disabledFunctions, 'consumeOrders')) void ledgerWatch.run()
    return true
  } catch (error) {
    // There is no logger yet. The runtime takes a line with this word for an error.
    process.stderr.write(`The start failed, and is tried again every ${RETRY_MS / 1000} s: ${messageOf(error)}\n`)
    return false
  }
}

async function startLater(): Promise<void> {
  do await sleep(RETRY_MS, undefined, { ref: false })
  while (!(await start()))
}
