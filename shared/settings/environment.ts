/** Settings by name, not yet validated, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>
