import type { Held } from '../../ports/forgetting.ts'

/** The data that was removed or, in a dry run, would be removed. */
export interface Forgotten {
  readonly dryRun: boolean
  readonly customerId: number
  /** A summary in words, for an operator. */
  readonly summary: string
  /** How many rows held personal data, and which files of the archive hold it. */
  readonly store: Omit<Held, 'orderIds'>
  readonly log: {
    /** The number of records that held personal data. */
    readonly records: number
    /** Whether the log replaces such records in place. Kafka does not. */
    readonly redacts: boolean
    /** The topics that hold such records. */
    readonly topics: readonly TopicRecords[]
  }
  /** Where personal data remains, one sentence for each place. */
  readonly remains: readonly string[]
}

export interface TopicRecords {
  readonly topic: string
  readonly records: number
  /**
   * When the last of the records leaves the log (RFC 3339). Null if the log replaces the records in place, or if it
   * does not remove records by age.
   */
  readonly until: string | null
  /** Whether the topic keeps records forever. */
  readonly forEver: boolean
}

/** Summarises what was found and, unless this is a dry run, removed. */
export function summaryOf({
  dryRun,
  customerId,
  store,
  log,
}: Pick<Forgotten, 'dryRun' | 'customerId' | 'store' | 'log'>): string {
  const { orders, unstored, retrying, changes, waitingChanges, deadLetters, edits } = store
  const parts = [
    counted(orders, 'stored order'),
    counted(unstored, 'order that is not stored', 'orders that are not stored', [[retrying, 'retrying']]),
    counted(changes, 'change', 'changes', [[waitingChanges, 'waiting']]),
    counted(deadLetters, 'dead letter', 'dead letters', [[edits, 'with an edit']]),
    counted(log.records, 'record in the log', 'records in the log'),
  ].flatMap((part) => part ?? [])
  const whose = `personal data of customer ${customerId}`
  if (parts.length === 0) {
    const end = dryRun ? '' : ' Any records of earlier orders that still arrive will be stored without it.'
    return `Nothing holds ${whose}.${end}`
  }
  if (dryRun) return `These hold ${whose}: ${parts.join(', ')}.`
  return `Customer ${customerId} is forgotten. These held personal data: ${parts.join(', ')}.`
}

/** Says where personal data remains, one sentence for each place. */
export function remainsOf(
  { redacts, topics }: Forgotten['log'],
  unreadable: number,
  { archived, archiveFiles }: Forgotten['store'],
  inStore: readonly string[],
): string[] {
  const inTopics = redacts
    ? []
    : topics.map(({ topic, records, until, forEver }) => {
        const what = counted(records, 'record') ?? ''
        if (forEver)
          return `The topic ${topic} holds ${what} forever, because it keeps every record. To remove them, set a retention for the topic in Kafka.`
        if (until === null)
          return `The topic ${topic} holds ${what} until newer records push out the older ones (retention.bytes).`
        return `The topic ${topic} holds ${what} until ${until} or a little longer, because Kafka deletes whole segments.`
      })
  const inLog = redacts ? inTopics : [...inTopics, EARLIER_TOPICS]
  const unread =
    unreadable === 0
      ? []
      : [`${counted(unreadable, 'offset')} of the log cannot be read, so it is not known whose data they hold.`]
  const inFiles =
    archived === 0 ? [] : [`${counted(archived, 'archived order')} with the data: ${archiveFiles.join(', ')}.`]
  return [...inLog, ...unread, ...inStore, ...inFiles, COPIES]
}

const EARLIER_TOPICS =
  'If ORDERS_TOPIC was different in the past, the topics named after the earlier value were not searched and may hold the data.'
const COPIES = 'Earlier backups and archives still contain the data until you delete them.'

/** Undefined if the count is 0. */
function counted(
  count: number,
  one: string,
  many = `${one}s`,
  among: readonly (readonly [count: number, what: string])[] = [],
): string | undefined {
  if (count === 0) return undefined
  const details = among.filter(([some]) => some > 0).map(([some, what]) => `${some} ${what}`)
  return `${count} ${count === 1 ? one : many}${details.length === 0 ? '' : ` (${details.join(', ')})`}`
}
