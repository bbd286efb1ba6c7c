import { rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'

/** Makes dist/, the package that the Functions runtime loads: the functions and what they share, and nothing else. */
rmSync('dist', { recursive: true, force: true })
const { status, error } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit', shell: true })
if (error !== undefined) throw error
process.exitCode = status ?? 1
