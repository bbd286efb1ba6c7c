import { cpSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * Makes dist/, or the directory that is named, for the Functions runtime to load: the functions and what they share, and
 * nothing else.
 */
const [out = 'dist'] = process.argv.slice(2)
rmSync(out, { recursive: true, force: true })
const tsc = `tsc -p tsconfig.build.json --outDir ${JSON.stringify(out)}`
const { status, error } = spawnSync(tsc, { stdio: 'inherit', shell: true })
if (error !== undefined) throw error
// What browsers run is served as it is written.
cpSync('shared/pages/dashboard/client', join(out, 'shared/pages/dashboard/client'), { recursive: true })
process.exitCode = status ?? 1
