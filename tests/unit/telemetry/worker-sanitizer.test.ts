import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/**
 * The runtime and its Node worker redact everything that looks like a credential in errors and log lines: from one of
 * these patterns to the end of the word, or of the line (Azure/azure-functions-host, Sanitizer.cs). If one of our
 * messages contained such a word, the message would become useless.
 */
const CREDENTIALS =
  /(?:Token|AccountKey|Data Source|Server|Password|pwd|SharedAccessKey|key)=|[&?;](?:sig|code)=|DefaultEndpointsProtocol=http/i

/** Files whose string literals are sent to callers. The worker does not sanitize responses. */
const ANSWERS = ['shared/http/protocol/problem.ts']
const ROOT = join(import.meta.dirname, '..', '..', '..')

const TEXT = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g
const COMMENT = /\/\*[^]*?\*\/|^\s*\/\/.*$/gm

/** The string literals of a source file, except those in comments. */
function textsOf(source: string): string[] {
  return source.replaceAll(COMMENT, '').match(TEXT) ?? []
}

describe('the log lines of the functions', () => {
  const files = globSync(['functions/**/*.ts', 'shared/**/*.ts'], { cwd: ROOT }).filter(
    (file) => !ANSWERS.includes(file) && !file.startsWith('shared/pages/dashboard/'),
  )

  test('come from files that are read here', () => {
    expect(files.length).toBeGreaterThan(150)
    expect(textsOf("// 'a'\nsay('b') /* 'c' */ + `d`")).toEqual(["'b'", '`d`'])
  })

  test.each(['SQL_CONNECTION_STRING names no server (Server=host)', 'POST /x?code=1', 'the key=1'])(
    'would be eaten: %s',
    (message) => {
      expect(CREDENTIALS.test(message)).toBe(true)
    },
  )

  test.each(files)('%s contains nothing that looks like a credential', (file) => {
    const texts = textsOf(readFileSync(join(ROOT, file), 'utf8'))
    expect(texts.filter((text) => CREDENTIALS.test(text))).toEqual([])
  })
})
