import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { createEmbeddedLog } from '../../../shared/adapters/embedded/embedded-log.ts'

/**
 * A process that a test kills or starves of disk space. It publishes concurrently and consumes its own records.
 * Prints a line, unbuffered, only after the event that it reports:
 *   a <id> <partition> <offset>   acknowledged
 *   p <partition> <offset>        processed, about to be committed
 *   r <code> <available>          publishing was rejected, and whether the log is available
 *   e <error>                     an error of the subscription
 */
const [directory = '', round = '0', publishers = '8'] = process.argv.slice(2)
const PAUSE_AFTER_REJECTION_MS = 20

const log = await createEmbeddedLog({ directory })
await log.ensureTopics([{ name: 'orders', partitions: 3, replication: 1, config: {} }])
await log.subscribe({
  groupId: 'readers',
  topic: 'orders',
  maxBatchSize: 50,
  async onBatch(records) {
    print(records.map(({ partition, offset }) => `p ${partition} ${offset}`))
  },
  onError: (error) => print([`e ${String(error)}`]),
})
await Promise.all(Array.from({ length: Number(publishers) }, (_, publisher) => publish(publisher)))

async function publish(publisher: number): Promise<void> {
  for (let n = 0; ; n++) {
    // Each call has one to four records; it publishes all of them or none.
    const ids = Array.from({ length: 1 + (n % 4) }, (_, part) => `${round}-${publisher}-${n}-${part}`)
    const records = ids.map((id) => ({ key: id, value: sealed(id, n), headers: [['id', id]] as const }))
    try {
      const positions = await log.publish('orders', records)
      print(positions.map(({ partition, offset }, index) => `a ${ids[index]} ${partition} ${offset}`))
    } catch (error) {
      print([`r ${(error as { code?: string }).code} ${(await log.health()).available}`])
      await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_REJECTION_MS))
    }
  }
}

function print(lines: readonly string[]): void {
  let rest = Buffer.from(`${lines.join('\n')}\n`)
  while (rest.length > 0) rest = rest.subarray(write(rest))
}

/** If a slow reader lets the pipe fill up, this waits as a blocking pipe would. */
function write(bytes: Uint8Array): number {
  try {
    return writeSync(1, bytes)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EAGAIN') throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    return 0
  }
}

/** A value that reveals any damage: its id, padding of varying length, and the hash of both. */
function sealed(id: string, n: number): string {
  const content = `${id} ${'ü'.repeat((n * 37) % 1500)}`
  return `${content} ${createHash('sha256').update(content).digest('hex')}`
}
