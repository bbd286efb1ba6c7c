/** Settings by name, before they are validated, like `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>
