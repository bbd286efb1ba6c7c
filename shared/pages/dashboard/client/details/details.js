import { byId, el } from '../page/dom.js'
import { RefusedError } from '../page/api.js'

/** The page's dialog, and the message that reports the outcome of an action. */

const SAID_FOR_MS = 8000

/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence

/**
 * Shows a message for a while. Screen readers read it out.
 *
 * @param {string} text
 */
export function say(text) {
  clearTimeout(silence)
  const dialog = byId('details', HTMLDialogElement)
  // Elements outside an open dialog are dimmed, and screen readers skip them.
  if (dialog.open) dialog.append(byId('said'))
  byId('said').textContent = text
  silence = setTimeout(() => (byId('said').textContent = ''), SAID_FOR_MS)
}

/** @param {unknown} error */
export function wordsOf(error) {
  if (!(error instanceof Error)) return String(error)
  const faults = error instanceof RefusedError ? error.faults : []
  return [error.message, ...faults].join('\n')
}

/**
 * Runs an action. If the action fails, shows why: in the given element if there is one, otherwise as a message.
 *
 * @param {() => Promise<unknown>} act
 * @param {HTMLElement} [place]
 */
export async function orSay(act, place) {
  try {
    await act()
  } catch (error) {
    if (place === undefined) say(wordsOf(error))
    else place.replaceChildren(el('p', { class: 'fault', role: 'alert' }, wordsOf(error)))
  }
}

/**
 * Opens the dialog, or replaces its content if it is already open.
 *
 * @param {string} title
 * @param {(Node | string | null)[]} content
 */
export function showDetails(title, ...content) {
  const dialog = byId('details', HTMLDialogElement)
  const close = el('button', { class: 'quiet', type: 'button', onclick: closeDetails }, 'Close')
  const heading = el('h2', { id: 'details-title', tabindex: -1 }, title)
  const parts = content.filter((part) => part !== null)
  dialog.before(byId('said'))
  dialog.replaceChildren(el('header', { class: 'title-row' }, heading, close), ...parts)
  if (!dialog.open) dialog.showModal()
  dialog.scrollTop = 0
  heading.focus()
}

export function closeDetails() {
  byId('details', HTMLDialogElement).close()
}

/** @param {() => void} listener called when the dialog closes, however it was closed */
export function onDetailsClosed(listener) {
  byId('details', HTMLDialogElement).addEventListener('close', listener)
}

/** A click outside the dialog closes it, as Escape does. */
export function closeBesideDetails() {
  const dialog = byId('details', HTMLDialogElement)
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })
  // The message moves out of the dialog, so that it remains readable.
  dialog.addEventListener('close', () => dialog.before(byId('said')))
}

/**
 * A list of names and values, which omits absent values.
 *
 * @param {Record<string, Node | string | number | null | undefined>} facts
 */
export function factList(facts) {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && value !== '')
  return el(
    'dl',
    { class: 'facts' },
    ...known.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
  )
}

/**
 * A heading with preformatted text.
 *
 * @param {string} name
 * @param {string} text
 */
export function block(name, text) {
  return el('section', {}, el('h3', {}, name), el('pre', { tabindex: 0, role: 'region', 'aria-label': name }, text))
}
