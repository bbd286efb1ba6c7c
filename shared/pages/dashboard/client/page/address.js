/**
 * What the page shows, as parameters in the fragment of its address. A browser sends the fragment to nobody, so that neither
 * a key nor a customer's number gets into anybody's log, and a link to what is seen works all the same.
 *
 * @typedef {Record<string, string>} Address
 */

/** What is open above the list: an order, a letter, or an answer of the product as it is. */
const OPENED = ['order', 'letter', 'show']

/** @returns {Address} without what is empty; of a name that comes twice the last */
export function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1))
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''))
}

/**
 * Takes the place of the current address, and so adds nothing to what Back goes through. Nobody is told.
 *
 * @param {Address} address
 */
export function replaceAddress(address) {
  history.replaceState(history.state, '', `${location.pathname}${location.search}${toFragment(address)}`)
}

/**
 * A link to what the page shows now, with `change` on top: following it is told to all who listen for `hashchange`.
 *
 * @param {Address} change empty strings take away
 */
export function linkTo(change) {
  return toFragment({ ...withoutOpened(), ...change }) || '#'
}

/** What is left of the address when nothing is open. */
export function withoutOpened() {
  return Object.fromEntries(Object.entries(readAddress()).filter(([name]) => !OPENED.includes(name)))
}

/**
 * The path of the page after this one.
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
