import { byId, el } from '../page/dom.js'
import { RefusedError } from '../page/api.js'

/** The page's only dialog, and the line that reports the outcome of an action. */

const SAID_FOR_MS = 8000

/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence

/**
 * Read out by screen readers, and shown for a while.
 *
 * @param {string} text
 */
export function say(text) {
  clearTimeout(silence)
  const dialog = byId('details', HTMLDialogElement)
  // Everything outside an open dialog is dimmed, and silent for screen readers.
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
 * Shows why an action failed in the given place, or else as `say` does.
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
 * Opens the dialog, or fills it again when it is open.
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

/** @param {() => void} listener called when the dialog was closed, by whatever means */
export function onDetailsClosed(listener) {
  byId('details', HTMLDialogElement).addEventListener('close', listener)
}

/** A click beside the dialog closes it, as Escape does. */
export function closeBesideDetails() {
  const dialog = byId('details', HTMLDialogElement)
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })
  // The last message should stay readable.
  dialog.addEventListener('close', () => dialog.before(byId('said')))
}

/**
 * Facts as a list of names and values; what is absent is left out.
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
 * Text shown exactly as it is, with a name.
 *
 * @param {string} name
 * @param {string} text
 */
export function block(name, text) {
  return el('section', {}, el('h3', {}, name), el('pre', { tabindex: 0, role: 'region', 'aria-label': name }, text))
}
