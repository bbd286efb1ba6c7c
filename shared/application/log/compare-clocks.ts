import { CLOCK_TOLERANCE_MS } from '../../domain/times.ts'
import { HEADER, headerText } from '../../messaging/records/headers.ts'
import type { ClockReading, EventLog } from '../../ports/event-log.ts'

/**
 * Problems with clocks, in one sentence each. The timestamps that the log returned on publishing show how far this
 * machine's clock differs from the log's. The newest orders show whether the clocks of the machines that accept orders
 * are ahead, because each record has both the order's acceptance time and the log's timestamp. A machine's clock is
 * ahead if it gave an order an acceptance time later than the log's timestamp. An earlier acceptance time proves
 * nothing, because the record may be a copy.
 */
export async function compareClocks(
  log: Pick<EventLog, 'clock' | 'offsets' | 'read' | 'timestampTypeOf'>,
  topic: string,
  nowMs: number,
): Promise<readonly string[]> {
  const own = ownFault(log.clock())
  if (log.timestampTypeOf(topic) !== 'LogAppendTime') return own
  const newest = await Promise.all(
    (await log.offsets(topic)).map(async ({ partition, first, end }) =>
      end > first ? await log.read(topic, partition, end - 1, 1) : [],
    ),
  )
  const records = newest.flat()
  const aheadMs = Math.max(0, ...records.map((record) => acceptedMs(record) - record.timestamp))
  const behindMs = Math.max(0, ...records.map(({ timestamp }) => timestamp - nowMs))
  return [
    ...own,
    ...(aheadMs > CLOCK_TOLERANCE_MS
      ? [`The clock of a machine that accepts orders is at least ${seconds(aheadMs)} ahead of the log's: set it.`]
      : []),
    ...(behindMs > CLOCK_TOLERANCE_MS && own.length === 0
      ? [`This machine's clock is at least ${seconds(behindMs)} behind the log's: set it.`]
      : []),
  ]
}

function ownFault({ aheadMs, isOff, isRefused }: ClockReading): string[] {
  if (isRefused) return ["The log refuses timestamps from this machine's clock: set the clock."]
  if (aheadMs === undefined || !isOff) return []
  return [
    `This machine's clock is ${seconds(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the log's: set it.`,
  ]
}

/** Negative infinity for a record without an acceptance time. */
function acceptedMs(record: Parameters<typeof headerText>[0]): number {
  const time = Date.parse(headerText(record, HEADER.time) ?? '')
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
