import { array, assert, constant, integer, property, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createFrameWriter,
  frameLength,
  frameOffset,
  setFrameOffset,
} from '../../../../shared/adapters/embedded/file/frames.ts'
import { createTailCache } from '../../../../shared/adapters/embedded/tail-cache.ts'

const CACHE_BYTES = 1000
/** The largest frame that the random groups contain, apart from frames that do not fit into the cache. */
const LARGEST_FRAME = 150
const PARTITIONS = 3

type Cache = ReturnType<typeof createTailCache>

/** A group of frames, each given by its partition and the size of its value, with the next offsets of its partitions. */
function groupOf(frames: readonly (readonly [partitionId: number, size: number])[], next: Map<number, number>): Buffer {
  const writer = createFrameWriter()
  for (const [partitionId, size] of frames) {
    writer.add(partitionId, { key: null, value: Buffer.alloc(size, next.get(partitionId) ?? 0), headers: [] }, 0)
  }
  const group = writer.take()
  let at = 0
  for (const [partitionId] of frames) {
    const offset = next.get(partitionId) ?? 0
    setFrameOffset(group, at, offset)
    next.set(partitionId, offset + 1)
    at += frameLength(group, at)
  }
  return group
}

/** A group of small frames, all of partition 1. */
function smallGroup(frames: number, next: Map<number, number>): Buffer {
  return groupOf(
    Array.from({ length: frames }, () => [1, 10] as const),
    next,
  )
}

function framesIn(group: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < group.length; at += frameLength(group, at)) {
    frames.push(group.subarray(at, at + frameLength(group, at)))
  }
  return frames
}

function cached(cache: Cache, partitionId: number, offset: number): Buffer | undefined {
  const [at] = cache.get(partitionId, offset, 1)
  return at === undefined ? undefined : cache.ring.subarray(at, at + frameLength(cache.ring, at))
}

describe('The cache for the newest records', () => {
  it('keeps the newest records, and never confuses one with another', () => {
    const frame = tuple(integer({ min: 1, max: PARTITIONS }), integer({ min: 0, max: LARGEST_FRAME - 32 }))
    const tooLarge = tuple(constant(PARTITIONS + 1), integer({ min: CACHE_BYTES, max: CACHE_BYTES + 9 }))
    const group = array(frame, { minLength: 1, maxLength: 8 })
    const groups = array(tuple(group, array(tooLarge, { maxLength: 1 })), { minLength: 1, maxLength: 40 })
    assert(
      property(groups, (groups) => {
        const cache = createTailCache(CACHE_BYTES)
        const next = new Map<number, number>()
        const added: { partitionId: number; offset: number; frame: Buffer }[] = []
        for (const [fitting, tooLarge] of groups) {
          const ids = [...tooLarge, ...fitting]
          const offsets = new Map(next)
          const group = groupOf(ids, next)
          cache.add(group)
          for (const [index, frame] of framesIn(group).entries()) {
            const partitionId = ids[index]?.[0] ?? 0
            const offset = offsets.get(partitionId) ?? 0
            offsets.set(partitionId, offset + 1)
            added.push({ partitionId, offset, frame })
          }
          let newer = 0
          for (const { partitionId, offset, frame } of added.toReversed()) {
            const found = cached(cache, partitionId, offset)
            if (frame.length > CACHE_BYTES) {
              expect(found).toBeUndefined()
              continue
            }
            newer += frame.length
            if (newer <= CACHE_BYTES - LARGEST_FRAME) expect(found).toEqual(frame)
            else if (found !== undefined) expect(found).toEqual(frame)
          }
        }
      }),
    )
  })

  it('returns consecutive records, up to the limit or the first that it does not have', () => {
    const cache = createTailCache(CACHE_BYTES)
    const next = new Map([[1, 5]])
    cache.add(smallGroup(4, next))
    expect(cache.get(1, 5, 3)).toHaveLength(3)
    expect(cache.get(1, 5, 9)).toHaveLength(4)
    expect(cache.get(1, 4, 9)).toEqual([])
    cache.drop(1, [7, 5 + 64])
    expect(cache.get(1, 5, 9)).toHaveLength(2)
    expect(cache.get(2, 5, 9)).toEqual([])
  })

  it('has room for as many records as its memory holds', () => {
    const cache = createTailCache(100 * CACHE_BYTES)
    const next = new Map([[1, 5]])
    for (let n = 0; n < 100; n++) cache.add(smallGroup(10, next))
    expect(cache.get(1, 5, 2000).map((at) => frameOffset(cache.ring, at))).toEqual(
      Array.from({ length: 1000 }, (_, n) => 5 + n),
    )
  })

  it('returns the records before or after a gap, whichever are newer', () => {
    const cache = createTailCache(CACHE_BYTES)
    const next = new Map([[1, 5]])
    const add = () => cache.add(smallGroup(2, next))
    add()
    next.set(1, 8)
    add()
    expect([cache.get(1, 5, 9), cache.get(1, 7, 9)]).toEqual([[], []])
    expect(cache.get(1, 8, 9)).toHaveLength(2)
    // The frames before the gap are evicted later than they are forgotten.
    for (let n = 0; n < 20; n++) {
      add()
      expect(cache.get(1, 7, 1)).toEqual([])
    }
    expect(cache.get(1, 46, 9)).toHaveLength(4)
  })
})
