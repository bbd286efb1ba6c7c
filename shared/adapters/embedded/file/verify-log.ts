import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Finding } from '../../../ports/finding.ts'
import type { VerifiedSlice } from './partition-reader.ts'
import type { EmbeddedTopics, Partition } from '../topics.ts'

/**
 * A call stops after this time, because a person is waiting for its result. The next call continues where it stopped.
 */
const MAX_VERIFY_MS = 15_000
const MAX_POSITIONS = 10

interface Progress {
  /** By partition id, the offset to verify next. */
  readonly next: Map<number, number>
  records: number
  withoutChecksum: number
  damaged: number
  readonly positions: string[]
}

/**
 * Reads and checks every record in the log in slices, so that publishers and consumers do not wait long. A long log
 * takes several calls, and each call before the last returns a finding that is marked as partial.
 */
export function createVerifyLog(
  topics: EmbeddedTopics,
  verify: (partitionId: number, from: number) => Promise<VerifiedSlice>,
  now: () => number = Date.now,
): () => Promise<Finding> {
  let progress: Progress | undefined
  let running: Promise<Finding> | undefined

  async function continueVerifying(): Promise<Finding> {
    const until = now() + MAX_VERIFY_MS
    progress ??= { next: new Map(), records: 0, withoutChecksum: 0, damaged: 0, positions: [] }
    const all = [...topics.all()]
    for (const { id, topic, partition, first, end } of all) {
      for (let from = progress.next.get(id) ?? first; from < end; from = progress.next.get(id) ?? end) {
        if (now() > until) return findingOf(progress, unread(all, progress))
        const slice = await verify(id, from)
        count(progress, `${topic.name} ${partition}`, slice)
        progress.next.set(id, slice.next)
        await nextTurn()
      }
    }
    const finding = findingOf(progress, 0)
    progress = undefined
    return finding
  }

  return () => (running ??= continueVerifying().finally(() => (running = undefined)))
}

function count(progress: Progress, partition: string, slice: VerifiedSlice): void {
  progress.records += slice.records
  progress.withoutChecksum += slice.withoutChecksum
  for (const { from, to } of slice.damaged) {
    progress.damaged += to - from
    if (progress.positions.length <= MAX_POSITIONS)
      progress.positions.push(`${partition}:${from}${to - from > 1 ? `–${to - 1}` : ''}`)
  }
}

/** The number of records that have not been read yet. Removed records do not count as unread. */
function unread(all: readonly Partition[], { next }: Progress): number {
  return all.reduce((total, { id, first, end }) => total + end - Math.max(next.get(id) ?? first, first), 0)
}

function findingOf({ records, withoutChecksum, damaged, positions }: Progress, unread: number): Finding {
  const read = records + damaged
  const extent =
    unread === 0
      ? `All ${records} records were read.`
      : `Only ${read} of ${read + unread} records have been read so far; the others were not checked. Run doctor again to continue from there.`
  const old = withoutChecksum === 0 ? '' : ` ${withoutChecksum} of them were written before records had checksums.`
  const partial = unread === 0 ? {} : { partial: true as const }
  if (damaged === 0)
    return { name: 'records', well: true, ...partial, detail: `${extent} None of them is damaged.${old}` }
  const named = `${positions.slice(0, MAX_POSITIONS).join(', ')}${positions.length > MAX_POSITIONS ? ', …' : ''}`
  const detail = `${extent} ${damaged} are damaged, at ${named}: see "Damage in the log" in docs/runbook.md.${old}`
  return { name: 'records', well: false, ...partial, detail }
}
