import { expect, test } from 'vitest'
import { allStatements } from '../../../sql/statements.ts'

/** Features that an engine or the driver lacks, and traces of values that were inserted into a statement by mistake. */
const AVOIDED =
  /\bMERGE\b|CREATE OR ALTER|\bsp_prepare\b|\bWAITFOR\b|WITH TIES|\bNOLOCK\b|\bFREETEXT|\bCONTAINS|\bOFFSET\s+\d|\bSELECT\s+\*|undefined|\[object/i

/** The names of all parameters that callers pass to statements. */
const PARAMETERS = new Set(
  (
    'action after at batch before brokenBy bytes changeId changeIds code continues currency customerId due ending epochs filter fingerprint from group id ids isUndecidable ' +
    'keyHash last lastState lease leaseMs letters limit logId logStarts maxGaps now nowMs offset operator orderId owner partition paymentMethod probe progress queryWords ' +
    'rank rate reason reference seqs settlements starts state states status target to topic value verified versions why words'
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

test('every statement uses only features of every engine', () => {
  expect(faultsOf((statement) => statement.replaceAll(/--.*$/gm, '').match(AVOIDED) ?? [])).toEqual({})
})

test('no statement uses a variable that it is not given', () => {
  const undeclared = (statement: string) => {
    const declarations = [...statement.matchAll(/\bDECLARE\s[^;]*?(?=;|\bTABLE\b)/g)].map(([text]) => text)
    const known = new Set([...PARAMETERS, ...ARGUMENTS, ...declarations.flatMap(namesIn)])
    return namesIn(statement).filter((name) => !known.has(name))
  }
  expect(faultsOf(undeclared)).toEqual({})
})

/** The individual statements in `text`, without its comments. */
function partsOf(text: string): string[] {
  return text.replaceAll(/--.*$/gm, '').split(';')
}

// No two gaps overlap, so the start is enough to find a gap. With conditions on both the start and the end, the key
// could be used only for the first condition, and every earlier gap would be read for each offset: ten million rows for
// 1,000 offsets and 10,000 gaps, while the ledger is locked.
test('gaps are looked up by their start, never by both ends', () => {
  const readsAllEarlier = (text: string) =>
    partsOf(text)
      .filter((part) => /\b(?:FROM|JOIN) ledger_gaps\b/.test(part) && /\bsince_offset <=? /.test(part))
      .filter((part) => !/\bTOP \(1\)|\bsince_offset >= /.test(part))
  expect(faultsOf(readsAllEarlier)).toEqual({})
})

test('a list between two times has its own plan, and no other statement is recompiled each time', () => {
  const parts = (text: string) => partsOf(text).filter((part) => /@(?:from|to) AS DATETIME2/.test(part))
  expect(faultsOf((text) => parts(text).filter((part) => !part.includes('OPTION (RECOMPILE)')))).toEqual({})
  expect(faultsOf((text) => (parts(text).length === 0 ? (text.match(/\bOPTION\b/g) ?? []) : []))).toEqual({})
})
