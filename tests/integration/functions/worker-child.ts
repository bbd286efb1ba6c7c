import { globSync, readFileSync } from 'node:fs'
import Module, { registerHooks } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

/**
 * Loads a package as the worker of the Functions runtime does (azure-functions-nodejs-worker, setupCoreModule.ts and
 * startApp.ts): the official library finds its core through a patched `require`, and every file that package.json's
 * `main` names is imported. Then the start hooks run, for at most two seconds. Prints the registrations and every
 * loaded file.
 *
 * node worker-child.ts <directory>
 */
interface Registered {
  readonly name: string
  readonly bindings: Record<string, unknown>
  readonly retryOptions?: unknown
}

const [directory = '.'] = process.argv.slice(2)
const functions: Registered[] = []
const starting: ((context: object) => unknown)[] = []
const files = new Set<string>()

class Disposable {
  dispose(): void {
    throw new Error('Nothing is disposed of here.')
  }
}
const core = {
  version: '3.12.0',
  hostVersion: '4.1052.200',
  Disposable,
  log: () => undefined,
  setProgrammingModel: () => undefined,
  getProgrammingModel: () => undefined,
  registerFunction(metadata: Registered) {
    functions.push(metadata)
    return new Disposable()
  },
  registerHook(name: string, callback: (context: object) => unknown) {
    if (name === 'appStart') starting.push(callback)
    return new Disposable()
  },
}

const prototype = Module.prototype as unknown as { require: (id: string) => unknown }
prototype.require = new Proxy(prototype.require, {
  apply: (target, self, [id]: [string]) => (id === '@azure/functions-core' ? core : Reflect.apply(target, self, [id])),
})
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) files.add(url)
    return next(url, context)
  },
})

const { main } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { main: string }
for (const file of globSync(main, { cwd: directory }).sort()) await import(pathToFileURL(join(directory, file)).href)

const started = Promise.allSettled(starting.map(async (start) => start({})))
await Promise.race([started, delay(2000)])
process.stdout.write(JSON.stringify({ functions, files: [...files] }), () => process.exit(0))
