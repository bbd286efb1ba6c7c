import { frameLength, frameOffset, framePartitionId } from './file/frames.ts'

export type TailCache = ReturnType<typeof createTailCache>

export interface FramePosition {
  readonly frames: Buffer
  readonly at: number
}

/** The memory that the cache needs for a record in addition to its frame. */
const POSITION_BYTES = 96

/**
 * The newest records of all partitions, up to a limit in bytes. A consumer that keeps up reads new records from here
 * instead of from the file.
 */
export function createTailCache(maxBytes: number) {
  /** The records' frames, by partition id and offset. */
  const tails = new Map<number, Map<number, FramePosition>>()
  const groups: { readonly frames: Buffer; readonly bytes: number }[] = []
  let cachedBytes = 0

  function tailOf(partitionId: number): Map<number, FramePosition> {
    let tail = tails.get(partitionId)
    if (tail === undefined) tails.set(partitionId, (tail = new Map()))
    return tail
  }

  function evict(frames: Buffer): void {
    for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
      tailOf(framePartitionId(frames, at)).delete(frameOffset(frames, at))
    }
  }

  return {
    /** Adds a flushed group of frames, whose offsets are already assigned. Evicts the oldest groups to make room. */
    add(frames: Buffer): void {
      let bytes = frames.length
      for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
        tailOf(framePartitionId(frames, at)).set(frameOffset(frames, at), { frames, at })
        bytes += POSITION_BYTES
      }
      groups.push({ frames, bytes })
      cachedBytes += bytes
      while (cachedBytes > maxBytes) {
        const oldest = groups.shift()
        if (oldest === undefined) break
        cachedBytes -= oldest.bytes
        evict(oldest.frames)
      }
    },
    /** Forgets these records, so that they are read from the file again. */
    drop(partitionId: number, offsets: Iterable<number>): void {
      for (const offset of offsets) tailOf(partitionId).delete(offset)
    },
    /** The cached frames of consecutive records, at most `limit` of them, starting at the offset `from`. */
    get(partitionId: number, from: number, limit: number): FramePosition[] {
      const tail = tailOf(partitionId)
      const found: FramePosition[] = []
      while (found.length < limit) {
        const position = tail.get(from + found.length)
        if (position === undefined) break
        found.push(position)
      }
      return found
    },
  }
}
