import { settingsFault, settingsHint } from './settings-fault.ts'

/**
 * The image's entrypoint runs this check before the runtime, which would start without functions if a setting is
 * invalid. In that case, the check prints one line that names the setting and exits with 1.
 */
const hint = settingsHint(process.env)
if (hint !== undefined) process.stderr.write(`${hint}\n`)
const fault = settingsFault(process.env)
if (fault !== undefined) process.stderr.write(`${fault}\n`)
process.exitCode = fault === undefined ? 0 : 1
