/**
 * Folds text for search. Every store folds stored text and queries the same way, so that case, accents and character
 * encoding make no difference.
 *
 * 1. Compatibility decomposition (Unicode NFKD, UAX #15): é is e and an accent, ﬁ is fi, full-width Ａ is A.
 * 2. Marks (general category M) are removed.
 * 3. Case folding: to upper case and then to lower case (Unicode chapter 3.13), because for ß and ı the result differs
 *    from that of lower-casing alone. Both lower-case sigmas become σ.
 * 4. Latin letters without a decomposition become their ASCII equivalents, as in CLDR's transform Latin-ASCII
 * (common/transforms/Latin-ASCII.xml): ł becomes l, ø becomes o, æ becomes ae, þ becomes th. Only letters from the
 * alphabet of some language are listed.
 *
 * Folding is idempotent.
 */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  return withoutMarks(withoutMarks(text).toUpperCase().toLowerCase()).replaceAll(
    LETTER,
    (letter) => LETTERS.get(letter) ?? letter,
  )
}

const ASCII = /^[\x20-\x7e]*$/

/** Called twice, because converting to upper case adds combining marks to a few letters. */
function withoutMarks(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '')
}

/** Pairs of a letter and its replacement. */
const PAIRS = [
  'ς σ ß ss',
  // Latin-1 and Latin Extended-A: letters of European languages.
  'æ ae ð d ø o þ th đ d ħ h ı i ĸ q ł l ŋ n œ oe ŧ t',
  // Latin Extended-B and the IPA letters that alphabets of Africa and the Americas borrow.
  'ƀ b ɓ b ƃ b ƈ c ȼ c ɖ d ɗ d ƌ d ɛ e ɇ e ƒ f ɠ g ǥ g ƕ hv ɨ i ɩ i ɉ j ƙ k ƚ l ɲ n ƞ n ƣ oi ƥ p ɍ r ȿ s ƫ t ƭ t ʈ t ⱦ t',
  'ʉ u ʋ v ƴ y ɏ y ƶ z ȥ z ɀ z ⱥ a',
]
const LETTERS = new Map(PAIRS.flatMap((line) => line.match(/\S+ \S+/g) ?? []).map(toPair))
const LETTER = new RegExp(`[${[...LETTERS.keys()].join('')}]`, 'gu')

function toPair(text: string): [letter: string, becomes: string] {
  const [letter = '', becomes = ''] = text.split(' ')
  return [letter, becomes]
}
