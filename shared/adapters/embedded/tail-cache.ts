import { frameLength, frameOffset, framePartitionId } from './file/frames.ts'

export type TailCache = ReturnType<typeof createTailCache>

/**
 * The newest records of all partitions, up to a limit in bytes. A consumer that keeps up reads new records from here
 * instead of from the file.
 *
 * The frames are copied into one ring buffer, and their positions are kept in typed arrays. If the cache kept the
 * flushed buffers and a Map of them, V8 would promote each buffer to the old generation, and their memory would be
 * freed only by the next major garbage collection.
 */
export function createTailCache(maxBytes: number) {
  const ring = Buffer.allocUnsafeSlow(maxBytes)
  /** Where the records' frames begin in the ring, by partition id. */
  const tails = new Map<number, Positions>()
  let oldest = 0
  let end = 0
  /** Where the frames of the previous lap end. While some of them are left, `oldest` is at or beyond `end`. */
  let lapEnd = 0
  let hasPreviousLap = false

  function tailOf(partitionId: number): Positions {
    let tail = tails.get(partitionId)
    if (tail === undefined) tails.set(partitionId, (tail = createPositions()))
    return tail
  }

  function evictOldest(): void {
    tailOf(framePartitionId(ring, oldest)).removeUpTo(frameOffset(ring, oldest))
    oldest += frameLength(ring, oldest)
    if (oldest < lapEnd) return
    hasPreviousLap = false
    oldest = 0
  }

  /** Evicts what is in the way of a frame of this length, and returns where the frame begins. */
  function makeRoom(length: number): number {
    if (end + length > maxBytes) {
      while (hasPreviousLap) evictOldest()
      lapEnd = end
      end = 0
      hasPreviousLap = true
    }
    while (hasPreviousLap && oldest < end + length) evictOldest()
    return end
  }

  return {
    /** The memory to which the positions from `get` refer. */
    ring,
    /** Adds a flushed group of frames, whose offsets are already assigned. Evicts the oldest frames to make room. */
    add(frames: Buffer): void {
      for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
        const length = frameLength(frames, at)
        if (length > maxBytes) continue
        const begin = makeRoom(length)
        frames.copy(ring, begin, at, at + length)
        end = begin + length
        tailOf(framePartitionId(frames, at)).add(frameOffset(frames, at), begin)
      }
    },
    /** Forgets these records, so that they are read from the file again. */
    drop(partitionId: number, offsets: Iterable<number>): void {
      for (const offset of offsets) tailOf(partitionId).drop(offset)
    },
    /**
     * The positions of consecutive records, at most `limit` of them, starting at the offset `from`. The positions are
     * valid until the next `add`.
     */
    get(partitionId: number, from: number, limit: number): number[] {
      const tail = tailOf(partitionId)
      const found: number[] = []
      while (found.length < limit) {
        const position = tail.get(from + found.length)
        if (position === undefined) break
        found.push(position)
      }
      return found
    },
  }
}

type Positions = ReturnType<typeof createPositions>

const FIRST_SLOTS = 64
const DROPPED = 0xffff_ffff

/** The positions of consecutive offsets. */
function createPositions() {
  let slots = new Uint32Array(FIRST_SLOTS)
  let first = 0
  let end = 0

  function grow(): void {
    const larger = new Uint32Array(2 * slots.length)
    for (let offset = first; offset < end; offset++) larger[offset % larger.length] = slots[offset % slots.length] ?? 0
    slots = larger
  }

  return {
    /** Adds the next offset. Forgets all others if it does not follow the last one. */
    add(offset: number, position: number): void {
      if (offset !== end) first = end = offset
      if (end - first === slots.length) grow()
      slots[offset % slots.length] = position
      end += 1
    },
    removeUpTo(offset: number): void {
      if (offset >= first && offset < end) first = offset + 1
    },
    drop(offset: number): void {
      if (offset >= first && offset < end) slots[offset % slots.length] = DROPPED
    },
    get(offset: number): number | undefined {
      if (offset < first || offset >= end) return undefined
      const position = slots[offset % slots.length]
      return position === DROPPED ? undefined : position
    },
  }
}
