import { table } from '../../infra/ops/table.ts'
import { UsageError } from '../options.ts'
import { ROOT, TargetError } from '../target.ts'
import { ratio } from './figures.ts'
import type { Program } from './programs.ts'

/** A program and the kind of work that it does. Ratios compare only contenders that do the same work. */
export interface Contender {
  readonly name: string
  readonly program: Program
  readonly work: string
}

export function contender(program: Program, work: string, name = `${program.name}, ${work}`): Contender {
  return { name, program, work }
}

/**
 * The contenders whose names contain one of the strings in `only`, or all of them if `only` is empty. Contenders whose
 * programs cannot be built here are left out; `leftOut` has one line for each such program, with the reason.
 */
export async function choose(contenders: readonly Contender[], only: readonly string[]) {
  const chosen = contenders.filter(({ name }) => only.length === 0 || only.some((text) => name.includes(text)))
  if (chosen.length === 0) {
    throw new UsageError(`--only matches none of: ${contenders.map(({ name }) => `"${name}"`).join(', ')}.`)
  }
  const leftOut: string[] = []
  const missing = new Set<Program>()
  for (const program of new Set(chosen.map(({ program }) => program))) {
    try {
      await program.prepare?.()
    } catch (error) {
      if (!(error instanceof TargetError)) throw error
      missing.add(program)
      leftOut.push(`${program.name} is left out: ${error.message}`)
    }
  }
  return { contenders: chosen.filter(({ program }) => !missing.has(program)), leftOut }
}

export interface Row extends Contender {
  /** One median for each column; empty if the contender cannot be compared with others. */
  readonly medians: readonly number[]
}

/**
 * The figures of this checkout's product, divided by those of each peer that does the same work. Empty if there is no
 * such peer.
 */
export function ratioTables(rows: readonly Row[], columns: readonly string[]): string[] {
  const pairs = rows
    .filter(({ program }) => program.root === ROOT)
    .flatMap((ours) => rows.filter((peer) => isComparable(ours, peer)).map((peer) => [ours, peer] as const))
  const ratios = pairs.map(([ours, peer]) => [
    ours.name,
    peer.program.name,
    ...columns.map((_, column) => ratio(ours.medians[column], peer.medians[column])),
  ])
  return ratios.length === 0 ? [] : [table(['ratio of', 'to', ...columns], ratios)]
}

function isComparable(ours: Contender, peer: Contender): boolean {
  const { root, log } = peer.program
  return root !== ROOT && peer.work === ours.work && (log === undefined || log === ours.program.log)
}
