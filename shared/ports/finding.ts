/** The result of a doctor check. */
export interface Finding {
  readonly name: string
  readonly well: boolean
  /** Only a part was checked, and the result describes only that part. */
  readonly partial?: true
  /** The result in words, and what to do if something is wrong. */
  readonly detail: string
}
