import { cpSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Builds the functions and `shared/` into dist/, or into the given directory, for the Functions runtime. */
const [out = 'dist'] = process.argv.slice(2)
rmSync(out, { recursive: true, force: true })
const tsc = `tsc -p tsconfig.build.json --outDir ${JSON.stringify(out)}`
const { status, error } = spawnSync(tsc, { stdio: 'inherit', shell: true })
if (error !== undefined) throw error
// Browsers get the client's source files unchanged.
cpSync('shared/pages/dashboard/client', join(out, 'shared/pages/dashboard/client'), { recursive: true })
process.exitCode = status ?? 1
