import { expect, test } from 'vitest'
import { allStatements } from '../sql/statements.ts'

/** What one of the engines lacks, or the driver cannot do; and what would be a value in a text. */
const AVOIDED =
  /\bMERGE\b|CREATE OR ALTER|\bsp_prepare\b|\bWAITFOR\b|WITH TIES|\bNOLOCK\b|\bFREETEXT|\bCONTAINS|\bOFFSET\s+\d|\bSELECT\s+\*|undefined|\[object/i

/** What callers pass, each with the statement of its own name. */
const PARAMETERS = new Set(
  (
    'after at batch before code currency customerId due ending fingerprint from group id ids keyHash lease letters limit ' +
    'maxGaps now offset operator orderId owner partition paymentMethod queryWords rank rate reason state states status ' +
    'target to topic value verified'
  ).split(' '),
)
/** The arguments of a procedure look like variables. */
const ARGUMENTS = new Set(['Resource', 'LockMode', 'LockOwner', 'LockTimeout'])

test.each([...allStatements()])('%s keeps to what every engine has', (_, statement) => {
  expect(statement.replaceAll(/--.*$/gm, '')).not.toMatch(AVOIDED)
})

test.each([...allStatements()])('%s uses no variable that nobody gives', (_, statement) => {
  const used = statement.matchAll(/(?<![@\w])@(\w+)/g).map(([, name = '']) => name)
  const declarations = statement.matchAll(/\bDECLARE\s[^;]*?(?=;|\bTABLE\b)/g).map(([text]) => text)
  const declared = new Set([...declarations].flatMap((text) => [...text.matchAll(/@(\w+)/g)].map(([, name]) => name)))
  const unknown = [...used].filter((name) => !declared.has(name) && !PARAMETERS.has(name) && !ARGUMENTS.has(name))
  expect(unknown).toEqual([])
})
