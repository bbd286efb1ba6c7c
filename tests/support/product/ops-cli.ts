import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const ROOT = join(import.meta.dirname, '..', '..', '..')

export interface OpsAnswer {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/**
 * Runs `npm run ops -- …` without npm, in an environment that contains only the given settings. `prefix` is a command
 * that runs the given program, such as `sh -c '… exec "$@"'`.
 */
export async function ops(
  words: readonly string[],
  settings: Record<string, string> = {},
  prefix: readonly string[] = [],
): Promise<OpsAnswer> {
  const node = [process.execPath, '--import', './infra/host/preload.js', 'infra/ops/cli.ts', ...words]
  const [command = process.execPath, ...args] = [...prefix, ...node]
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], DATA_DIR: join(ROOT, 'no-such-directory'), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { exit: Number(exit), out, err }
}
