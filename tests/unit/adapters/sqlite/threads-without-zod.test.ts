import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** Prints a thread's name when the thread loads its entry point, and again if the thread loads zod. */
const WATCH = `
  import { registerHooks } from 'node:module'
  import { threadName } from 'node:worker_threads'
  import { writeSync } from 'node:fs'
  registerHooks({
    load(url, context, next) {
      const loaded = /-worker[.]ts$|zod.index[.]js$/.exec(url)
      if (loaded !== null) writeSync(1, threadName + ' ' + loaded[0] + '\\n')
      return next(url, context)
    },
  })`

it('loads zod in no thread of the store when it is opened, because zod takes 10 MB in each thread', () => {
  const file = join(temporaryDirectory(), 'orders.db')
  const store = join(import.meta.dirname, '../../../../shared/adapters/sqlite/sqlite-store.ts')
  const script = `
    import { createSqliteStore } from ${JSON.stringify(store)}
    const store = await createSqliteStore({ file: ${JSON.stringify(file)} })
    await store[Symbol.asyncDispose]()`
  const watch = `data:text/javascript,${encodeURIComponent(WATCH)}`
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_OPTIONS: `--import ${watch}` },
    encoding: 'utf8',
  })
  const loaded = printed.trim().split('\n').toSorted()
  expect(loaded).toEqual(['store-reader -worker.ts', 'store-writer -worker.ts'])
})
