/** A row as a driver returns it. Numbers may be text: the driver of SQL Server returns BIGINT so. */
export type Row = Readonly<Record<string, unknown>>

/** How a store's ids and times become text. */
export interface Conversions<Id, Time> {
  readonly fromId: (id: Id) => string
  readonly fromTime: (time: Time) => string
}
