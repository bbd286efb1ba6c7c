import { expect, test } from 'vitest'
import { allStatements } from '../sql/statements.ts'

/** What one of the engines lacks, or the driver cannot do; and what would be a value in a text. */
const AVOIDED =
  /\bMERGE\b|CREATE OR ALTER|\bsp_prepare\b|\bWAITFOR\b|WITH TIES|\bNOLOCK\b|\bFREETEXT|\bCONTAINS|\bOFFSET\s+\d|\bSELECT\s+\*|undefined|\[object/i

/** What callers pass, each with the statement of its own name. */
const PARAMETERS = new Set(
  (
    'action after at batch before brokenBy bytes code currency customerId due ending epochs fingerprint from group id ids ' +
    'keyHash lease leaseMs letters limit logId maxGaps now nowMs offset operator orderId owner partition paymentMethod probe progress queryWords ' +
    'rank rate reason settlements starts state states status target to topic value verified why words'
  ).split(' '),
)
/** The arguments of a procedure look like variables. */
const ARGUMENTS = new Set(['Resource', 'LockMode', 'LockOwner', 'LockTimeout'])

function faultsOf(find: (statement: string) => readonly string[]): Record<string, readonly string[]> {
  const faults = [...allStatements()].map(([name, statement]) => [name, find(statement)] as const)
  return Object.fromEntries(faults.filter(([, found]) => found.length > 0))
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/(?<![@\w])@(\w+)/g)].map(([, name = '']) => name)
}

test('every statement keeps to what every engine has', () => {
  expect(faultsOf((statement) => statement.replaceAll(/--.*$/gm, '').match(AVOIDED) ?? [])).toEqual({})
})

test('no statement uses a variable that nobody gives it', () => {
  const undeclared = (statement: string) => {
    const declarations = [...statement.matchAll(/\bDECLARE\s[^;]*?(?=;|\bTABLE\b)/g)].map(([text]) => text)
    const known = new Set([...PARAMETERS, ...ARGUMENTS, ...declarations.flatMap(namesIn)])
    return namesIn(statement).filter((name) => !known.has(name))
  }
  expect(faultsOf(undeclared)).toEqual({})
})
