import { frameLength, frameOffset, framePartitionId } from './file/frames.ts'

export type TailCache = ReturnType<typeof createTailCache>

export interface FramePlace {
  readonly frames: Buffer
  readonly at: number
}

/** The memory that a record takes beside its frame. */
const PLACE_BYTES = 96

/**
 * The newest records of every partition, bounded in bytes, so that a consumer that keeps up reads new records without
 * asking the file.
 */
export function createTailCache(maxBytes: number) {
  /** By partition id and offset. */
  const places = new Map<number, Map<number, FramePlace>>()
  const groups: { readonly frames: Buffer; readonly bytes: number }[] = []
  let cachedBytes = 0

  function tailOf(partitionId: number): Map<number, FramePlace> {
    let tail = places.get(partitionId)
    if (tail === undefined) places.set(partitionId, (tail = new Map()))
    return tail
  }

  function evict(frames: Buffer): void {
    for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
      tailOf(framePartitionId(frames, at)).delete(frameOffset(frames, at))
    }
  }

  return {
    /** Adds a flushed group of frames, which have their offsets, and evicts the oldest groups to make room. */
    add(frames: Buffer): void {
      let bytes = frames.length
      for (let at = 0; at < frames.length; at += frameLength(frames, at)) {
        tailOf(framePartitionId(frames, at)).set(frameOffset(frames, at), { frames, at })
        bytes += PLACE_BYTES
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
    /** The positions in memory of at most `limit` consecutive records, from the offset `from` on. */
    get(partitionId: number, from: number, limit: number): FramePlace[] {
      const tail = tailOf(partitionId)
      const found: FramePlace[] = []
      while (found.length < limit) {
        const place = tail.get(from + found.length)
        if (place === undefined) break
        found.push(place)
      }
      return found
    },
  }
}
