/**
 * Kafka's default partitioner: murmur2 of the key's bytes, with the sign bit cleared, modulo the number of partitions.
 * kafkajs and the Java client (org.apache.kafka.common.utils.Utils.murmur2) choose the same partition for an order.
 */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  return (murmur2(bytes) & 0x7fffffff) % partitions
}

const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** Returns a signed 32-bit integer, as in Java. */
function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  const whole = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < whole; at += 4) {
    let k = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
    k = Math.imul(k, M)
    k ^= k >>> R
    hash = Math.imul(hash, M) ^ Math.imul(k, M)
  }
  const rest = length - whole
  if (rest === 3) hash ^= byte(bytes, whole + 2) << 16
  if (rest >= 2) hash ^= byte(bytes, whole + 1) << 8
  if (rest >= 1) hash = Math.imul(hash ^ byte(bytes, whole), M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
