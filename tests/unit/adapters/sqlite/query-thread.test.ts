import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** Prints the name of each thread that loads zod. */
const WATCH = `
  import { registerHooks } from 'node:module'
  import { threadName } from 'node:worker_threads'
  import { writeSync } from 'node:fs'
  registerHooks({
    load(url, context, next) {
      if (url.endsWith('/zod/index.js')) writeSync(1, threadName + '\\n')
      return next(url, context)
    },
  })`

it('does not load zod in the thread that runs queries, because zod takes 7 MB in each thread', () => {
  const file = join(temporaryDirectory(), 'orders.db')
  const store = join(import.meta.dirname, '../../../../shared/adapters/sqlite/sqlite-store.ts')
  const script = `
    import { createSqliteStore } from ${JSON.stringify(store)}
    await using store = await createSqliteStore({ file: ${JSON.stringify(file)} })`
  const watch = `data:text/javascript,${encodeURIComponent(WATCH)}`
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_OPTIONS: `--import ${watch}` },
    encoding: 'utf8',
  })
  expect(printed.split('\n').filter((name) => name !== '')).toEqual(['store-writer'])
})
