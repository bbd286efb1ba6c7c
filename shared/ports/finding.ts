/** What one check of the doctor found. */
export interface Finding {
  readonly name: string
  readonly well: boolean
  /** Only a part was looked at; what is said is true of that part. */
  readonly partial?: true
  /** What was found, and what to do where it is not well. */
  readonly detail: string
}
