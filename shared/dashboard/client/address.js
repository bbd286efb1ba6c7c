/**
 * What the page shows, as parameters in the fragment of its address. A browser sends the fragment to nobody, so that neither
 * a key nor a customer's number gets into anybody's log, and a link to what is seen works all the same.
 *
 * @typedef {Record<string, string>} Address
 */

/** @returns {Address} without what is empty; of a name that comes twice the last */
export function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1))
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''))
}

/**
 * Takes the place of the current address, so that Back leads to the page before it.
 *
 * @param {Address} address
 */
export function replaceAddress(address) {
  history.replaceState(history.state, '', toLink(address))
}

/** @param {Address} address */
export function toLink(address) {
  const fragment = new URLSearchParams(Object.entries(address).filter(([, value]) => value !== '')).toString()
  return `${location.pathname}${location.search}${fragment === '' ? '' : `#${fragment}`}`
}
