/** The result of a doctor check. */
export interface Finding {
  readonly name: string
  readonly well: boolean
  /** The check was incomplete, and the result describes only the part that was checked. */
  readonly partial?: true
  /** The result in words, and what to do if something is wrong. */
  readonly detail: string
}
