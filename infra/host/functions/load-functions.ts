import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf } from '../../../shared/domain/errors.ts'

/**
 * Loads the files that match package.json's `main`, in sorted order, as the Functions worker does. Loads the TypeScript
 * sources instead of the files in dist/, so no build is needed. Rejects with a one-line message that names the file and
 * the reason.
 */
export async function loadFunctions(root: string): Promise<void> {
  const pattern = sourcesOf(mainOf(root))
  const files = globSync(pattern, { cwd: root }).sort()
  if (files.length === 0) throw new Error(`No function file matches ${pattern} in ${root}.`)
  for (const file of files) {
    try {
      await import(pathToFileURL(join(root, file)).href)
    } catch (error) {
      const [firstLine = ''] = messageOf(error).split('\n')
      throw new Error(`${file} could not be loaded: ${firstLine}`, { cause: error })
    }
  }
}

function mainOf(root: string): string {
  const file = join(root, 'package.json')
  if (!existsSync(file)) throw new Error(`${file} is missing; its "main" names the function files.`)
  const { main } = JSON.parse(readFileSync(file, 'utf8')) as { main?: unknown }
  if (typeof main !== 'string') throw new Error(`${file} has no "main" that names the function files.`)
  return main
}

function sourcesOf(main: string): string {
  return /^(?:\.\/)?dist\//.test(main) ? main.replace(/^(?:\.\/)?dist\//, '').replace(/\.js\b/g, '.ts') : main
}
