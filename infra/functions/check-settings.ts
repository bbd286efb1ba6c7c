import { settingsFault, settingsHint } from './settings-fault.ts'

/**
 * What the image's entrypoint runs before the runtime, which would go on without a single function when a setting is wrong:
 * one line that names the setting, and exit code 1.
 */
const hint = settingsHint(process.env)
if (hint !== undefined) process.stderr.write(`${hint}\n`)
const fault = settingsFault(process.env)
if (fault !== undefined) process.stderr.write(`${fault}\n`)
process.exitCode = fault === undefined ? 0 : 1
