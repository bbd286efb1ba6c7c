/** Control characters, and characters beyond Latin-1. Hosts refuse both in a header. */
const UNSENDABLE = /[^\u0020-\u007e\u00a0-\u00ff]/gu

/**
 * The text as the value of a header for `fetch`. Hosts decode headers as UTF-8, while `fetch` sends each character as a
 * single byte. The result therefore has one character for each byte of the text in UTF-8. Characters that hosts refuse
 * are replaced with `?`.
 */
export function headerText(text: string): string {
  // Terminals on macOS may pass é as two characters, e and an accent. The accent is beyond Latin-1; é is not.
  return Buffer.from(text.normalize('NFC').replaceAll(UNSENDABLE, '?')).toString('latin1')
}
