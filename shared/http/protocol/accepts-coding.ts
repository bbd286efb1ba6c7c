/** A coding or `*`, with an optional weight. */
const CODING = /^\s*([^\s;]+)\s*(?:;\s*q=([\d.]+)\s*)?$/i

/**
 * Whether an `Accept-Encoding` accepts a content coding (RFC 9110 §12.5.3), by name or by `*`, which matches every
 * coding that is not listed. A weight of 0 means that the coding is not accepted. Without the header, nothing is
 * compressed.
 */
export function acceptsCoding(accepted: string | null, coding: string): boolean {
  const weights = new Map<string, number>()
  for (const part of (accepted ?? '').split(',')) {
    const [, name, weight = '1'] = CODING.exec(part) ?? []
    if (name !== undefined) weights.set(nameOf(name), Number(weight))
  }
  return (weights.get(coding) ?? weights.get('*') ?? 0) > 0
}

/** RFC 9110 §8.4.1.3: `x-gzip` is an alias of gzip. */
function nameOf(coding: string): string {
  const name = coding.toLowerCase()
  return name === 'x-gzip' ? 'gzip' : name
}
