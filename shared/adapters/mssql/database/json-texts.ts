import { json, type Connection, type Parameters } from './connection.ts'

/**
 * SQL Server's OPENJSON resolves the escapes of JSON texts. Babelfish 4 does not, so a quote keeps its backslash.
 * Wherever a statement reads free text from JSON, it has this comment after the column. For Babelfish the column and
 * its comment are replaced by an expression that resolves the escapes.
 */
const TEXT = /(\w+\.\w+) \/\* text \*\//g

export const READ_TEXT = "SELECT x.text_read FROM OPENJSON(@probe) WITH (text_read NVARCHAR(10) '$.text') AS x;"
const PROBE = '"\\\n'

/** Whether the server's OPENJSON resolves escapes. */
export async function resolvesEscapes(connection: Connection): Promise<boolean> {
  const [[row] = []] = await connection.query(READ_TEXT, { probe: json({ text: PROBE }) })
  return row?.['text_read'] === PROBE
}

/** Stands for a resolved backslash. JSON escapes this character, so no text contains it unescaped. */
const DONE = 'NCHAR(1)'
const ESCAPES: readonly (readonly [escape: string, character: string])[] = [
  [String.raw`N'\\'`, DONE],
  [String.raw`N'\"'`, `N'"'`],
  [String.raw`N'\n'`, 'NCHAR(10)'],
  [String.raw`N'\r'`, 'NCHAR(13)'],
  [String.raw`N'\t'`, 'NCHAR(9)'],
  [DONE, String.raw`N'\'`],
]

/**
 * The statement for a server that does not resolve escapes; unchanged if no parameter has any. Few orders have escapes.
 * Babelfish parses the text each time, which is most of its work for a small batch, and without the replacements the
 * text is a twentieth shorter.
 */
export function adaptTexts(statement: string, parameters: Parameters = {}): string {
  const hasEscapes = Object.values(parameters).some(({ type, value }) => type === 'text' && value?.includes('\\'))
  return hasEscapes ? withEscapesResolved(statement) : statement
}

/** The statement with escapes resolved in every text. */
export function withEscapesResolved(statement: string): string {
  return statement.replaceAll(TEXT, (_, column: string) =>
    ESCAPES.reduce((sql, [escape, character]) => `REPLACE(${sql}, ${escape}, ${character})`, column),
  )
}
