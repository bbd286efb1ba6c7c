/** A row as a driver returns it. Numbers may be strings, because SQL Server's driver returns a BIGINT as a string. */
export type Row = Readonly<Record<string, unknown>>

/** Conversions of a store's ids and timestamps to text. */
export interface Conversions<Id, Time> {
  readonly fromId: (id: Id) => string
  readonly fromTime: (time: Time) => string
}
