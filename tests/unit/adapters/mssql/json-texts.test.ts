import { expect, test } from 'vitest'
import { bytes, int, json, text } from '../../../../shared/adapters/mssql/database/connection.ts'
import { adaptTexts, withEscapesResolved } from '../../../../shared/adapters/mssql/database/json-texts.ts'

const STATEMENT = "SELECT x.name /* text */ FROM OPENJSON(@names) WITH (name NVARCHAR(100) '$.name') AS x;"

test.each(['"', '\\', '\n', '\u0007', '\ud800'])('a string with %j needs its escapes resolved', (character) => {
  const adapted = adaptTexts(STATEMENT, { limit: int(1), names: json([{ name: `a${character}b` }]) })
  expect(adapted).toBe(withEscapesResolved(STATEMENT))
  expect(adapted).toContain('REPLACE(')
})

test('a statement whose strings have no escapes stays as it is', () => {
  const parameters = {
    names: json([{ name: "D'Arc <ü> \u{1f600}" }]),
    none: text(null),
    bytes: bytes(Buffer.from('\\')),
  }
  expect(adaptTexts(STATEMENT, parameters)).toBe(STATEMENT)
})
