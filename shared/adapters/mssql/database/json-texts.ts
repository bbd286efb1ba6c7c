import { json, type Connection, type Parameters } from './connection.ts'

/**
 * SQL Server's OPENJSON decodes escapes in JSON strings. Babelfish 4 does not decode them, so a quote keeps its
 * backslash. Where a statement reads free text from JSON, an SQL comment with the word `text` marks the column. For
 * Babelfish, the column and its mark are replaced with an expression that decodes the escapes.
 */
const TEXT = /(\w+\.\w+) \/\* text \*\//g

export const READ_TEXT = "SELECT x.text_read FROM OPENJSON(@probe) WITH (text_read NVARCHAR(10) '$.text') AS x;"
const PROBE = '"\\\n'

/** Whether the server's OPENJSON decodes escapes. */
export async function resolvesEscapes(connection: Connection): Promise<boolean> {
  const [[row] = []] = await connection.query(READ_TEXT, { probe: json({ text: PROBE }) })
  return row?.['text_read'] === PROBE
}

/** Stands for a backslash that is already decoded. JSON escapes this character, so no text contains it unescaped. */
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
 * The statement for a server that does not decode escapes; unchanged if no parameter contains any. Few orders contain
 * escapes, and without the replacements the statement is 5 % shorter. That saves time, because Babelfish parses the
 * statement on every call, and for a small batch most of its work is parsing.
 */
export function adaptTexts(statement: string, parameters: Parameters = {}): string {
  const hasEscapes = Object.values(parameters).some(({ type, value }) => type === 'text' && value?.includes('\\'))
  return hasEscapes ? withEscapesResolved(statement) : statement
}

/** The statement, with the escapes decoded in every marked column. */
export function withEscapesResolved(statement: string): string {
  return statement.replaceAll(TEXT, (_, column: string) =>
    ESCAPES.reduce((sql, [escape, character]) => `REPLACE(${sql}, ${escape}, ${character})`, column),
  )
}
