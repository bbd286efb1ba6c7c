import { el } from '../page/dom.js'
import { plural } from '../page/format.js'

/**
 * The outcome of a dry run of a redrive, in words.
 *
 * @typedef {import('../../../../application/dead-letters/preview-redrive.ts').RedrivePreview} RedrivePreview
 */

const WORDS = {
  'would-be-stored': 'would be stored',
  'already-stored': 'already stored: nothing would change',
  'still-fails': 'would fail again',
  unknown: 'could not be tried',
  'would-be-applied': 'would take effect',
  'would-be-rejected': 'would be rejected',
  'would-wait': 'would wait for an earlier event of its order',
}
const MAX_LINES = 10

/**
 * @param {string} id
 * @param {Pick<RedrivePreview, 'outcome' | 'cause'>} result
 * @param {HTMLElement | null} rest
 */
function line(id, { outcome, cause }, rest = null) {
  return el(
    'li',
    { 'data-outcome': outcome },
    el('code', {}, id),
    ` ${WORDS[outcome]}`,
    cause === undefined ? null : `: ${cause.detail}`,
    rest,
  )
}

/**
 * @param {{ items: readonly RedrivePreview[], nextCursor: string | null, warning?: import('../../../../application/dead-letters/redrive-warning.ts').RedriveWarning }} page
 */
export function previewList({ items: previews, nextCursor, warning }) {
  const byOutcome = Object.groupBy(previews, ({ outcome }) => outcome)
  const summary = Object.entries(byOutcome).map(
    ([outcome, some]) => `${some.length} ${WORDS[/** @type {keyof typeof WORDS} */ (outcome)]}`,
  )
  const lines = previews.slice(0, MAX_LINES).map(({ id, followers = [], ...result }) => {
    const waiting = followers.map(({ changeId, ...decided }) => line(changeId, decided))
    return line(id, result, waiting.length === 0 ? null : el('ul', {}, ...waiting))
  })
  const scope = nextCursor === null ? 'Preview: ' : `Preview of the first ${previews.length} (there are more): `
  const rest = previews.length > MAX_LINES ? el('li', {}, `and ${plural(previews.length - MAX_LINES, 'other')}`) : null
  return el(
    'div',
    { role: 'status' },
    el('p', {}, el('b', {}, scope), summary.join(', ') || 'no letter is dead any more', '. Nothing was changed.'),
    warning === undefined ? null : el('p', { class: 'fault' }, warning.detail),
    el('ul', {}, ...lines, rest),
  )
}
