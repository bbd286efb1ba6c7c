import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Every file under the directory: its name there, and its bytes as Latin-1 characters. */
export function* fileTexts(directory: string): Generator<readonly [name: string, text: string]> {
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name)
    // SQLite may have deleted a journal since the directory was listed.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue
    yield [name, readFileSync(path, 'latin1')]
  }
}
