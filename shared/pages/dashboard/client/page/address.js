/**
 * The page's state, as parameters in the fragment of its address, so that links preserve the state. Browsers do not
 * send the fragment, so neither a key nor a customer number reaches a log.
 *
 * @typedef {Record<string, string>} Address
 */

/** The parameters that open a dialog: an order, a letter, or an API response. */
const OPENED = ['order', 'letter', 'show']

/** @returns {Address} without empty values; if a name occurs more than once, the last value is used */
export function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1))
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''))
}

/**
 * Replaces the current address, without a history entry and without a `hashchange` event.
 *
 * @param {Address} address
 */
export function replaceAddress(address) {
  history.replaceState(history.state, '', `${location.pathname}${location.search}${toFragment(address)}`)
}

/**
 * A link to the page in its current state, apart from the given changes. Following the link fires `hashchange`.
 *
 * @param {Address} change an empty string removes a parameter
 */
export function linkTo(change) {
  return toFragment({ ...withoutOpened(), ...change }) || '#'
}

/** The address without the parameters that open a dialog. */
export function withoutOpened() {
  return Object.fromEntries(Object.entries(readAddress()).filter(([name]) => !OPENED.includes(name)))
}

/**
 * The path of the next page.
 *
 * @param {string} path
 * @param {string} cursor
 */
export function nextPagePath(path, cursor) {
  const url = new URL(path, location.origin)
  url.searchParams.set('cursor', cursor)
  return url.pathname + url.search
}

/** @param {Address} address */
function toFragment(address) {
  const fragment = new URLSearchParams(Object.entries(address).filter(([, value]) => value !== '')).toString()
  return fragment === '' ? '' : `#${fragment}`
}
