import { app } from '@azure/functions'
import { services, settings } from '../shared/composition-root.ts'

/** Opens everything before the first invocation, so that no caller pays for it. */
app.hook.appStart(async () => {
  const { redrives } = await services()
  // Any live process that has the operations functions carries redrives out; it ends with the process.
  if (!settings().disabledFunctions.has('redrivedeadletters')) void redrives.run()
})

/** Ends what only waits; it is delivered again. In the Functions runtime nobody else closes what was opened. */
app.hook.appTerminate(async () => {
  const all = await services()
  all.stop()
  if (settings().runtime === 'functions') await all[Symbol.asyncDispose]()
})
