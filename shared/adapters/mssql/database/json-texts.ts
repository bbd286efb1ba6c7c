import { json, type Connection, type Parameters } from './connection.ts'

/**
 * Texts in the JSON of a parameter. SQL Server's OPENJSON gives them as they are; Babelfish 4 gives them with the escapes
 * that JSON needs, so that a quote comes with a backslash before it. Where free text is read from JSON, statements say so
 * by a comment behind the column, and for a server of that kind the comment becomes what resolves the escapes.
 */
const TEXT = /(\w+\.\w+) \/\* text \*\//g

export const READ_TEXT = "SELECT x.text_read FROM OPENJSON(@probe) WITH (text_read NVARCHAR(10) '$.text') AS x;"
const PROBE = '"\\\n'

/** Whether the server gives texts as they are. */
export async function resolvesEscapes(connection: Connection): Promise<boolean> {
  const [[row] = []] = await connection.query(READ_TEXT, { probe: json({ text: PROBE }) })
  return row?.['text_read'] === PROBE
}

/** No text has this character as it is, because JSON escapes it. It stands for a backslash that is resolved. */
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
 * The statement for a server that does not resolve them, as it is where no parameter has any. Few orders have one, and the
 * text is a twentieth shorter without; Babelfish parses it anew each time, which is most of what it does for a small batch.
 */
export function adaptTexts(statement: string, parameters: Parameters = {}): string {
  const hasEscapes = Object.values(parameters).some(({ type, value }) => type === 'text' && value?.includes('\\'))
  return hasEscapes ? withEscapesResolved(statement) : statement
}

/** The same statement, whatever the texts are. */
export function withEscapesResolved(statement: string): string {
  return statement.replaceAll(TEXT, (_, column: string) =>
    ESCAPES.reduce((sql, [escape, character]) => `REPLACE(${sql}, ${escape}, ${character})`, column),
  )
}
