import { frameLength, frameOffset, framePartitionId } from './file/frames.ts'

export type TailCache = ReturnType<typeof createTailCache>

/**
 * The newest records of all partitions, up to a limit in bytes. A consumer that keeps up reads new records from here
 * instead of from the file.
 *
 * The frames are copied into one ring buffer. If the cache kept the flushed buffers, V8 would promote each of them to
 * the old generation, and their memory would be freed only by the next major garbage collection.
 */
export function createTailCache(maxBytes: number) {
  const ring = Buffer.allocUnsafeSlow(maxBytes)
  /** Where each record's frame begins in the ring, by partition id and offset. */
  const tails = new Map<number, Map<number, number>>()
  let oldest = 0
  let end = 0
  /** Where the frames of the previous lap end. While some of them are left, `oldest` is at or beyond `end`. */
  let lapEnd = 0
  let isPreviousLapLeft = false

  function tailOf(partitionId: number): Map<number, number> {
    let tail = tails.get(partitionId)
    if (tail === undefined) tails.set(partitionId, (tail = new Map()))
    return tail
  }

  function evictOldest(): void {
    tailOf(framePartitionId(ring, oldest)).delete(frameOffset(ring, oldest))
    oldest += frameLength(ring, oldest)
    if (oldest < lapEnd) return
    isPreviousLapLeft = false
    oldest = 0
  }

  /** Evicts what is in the way of a frame of this length, and returns where the frame begins. */
  function makeRoom(length: number): number {
    if (end + length > maxBytes) {
      while (isPreviousLapLeft) evictOldest()
      lapEnd = end
      end = 0
      isPreviousLapLeft = true
    }
    while (isPreviousLapLeft && oldest < end + length) evictOldest()
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
        tailOf(framePartitionId(frames, at)).set(frameOffset(frames, at), begin)
      }
    },
    /** Forgets these records, so that they are read from the file again. */
    drop(partitionId: number, offsets: Iterable<number>): void {
      for (const offset of offsets) tailOf(partitionId).delete(offset)
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
