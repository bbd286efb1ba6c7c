import { readAddress, replaceAddress } from '../page/address.js'

/**
 * The function key and the operator's name, kept only in this tab's sessionStorage.
 *
 * @typedef {{ key: string, operator: string }} Session
 */

const KEY = 'functions-key'
const OPERATOR = 'operator'

/** @returns {Session} */
export function currentSession() {
  return { key: sessionStorage.getItem(KEY) ?? '', operator: sessionStorage.getItem(OPERATOR) ?? '' }
}

/** @param {Session} session */
export function keepSession({ key, operator }) {
  sessionStorage.setItem(KEY, key)
  sessionStorage.setItem(OPERATOR, operator)
}

/**
 * Moves a sign-in link's key from the page's address to the session. Returns whether the address contained a key.
 */
export function takeKeyOfAddress() {
  const { key, ...rest } = readAddress()
  if (key === undefined) return false
  replaceAddress(rest)
  keepSession({ ...currentSession(), key: key.trim() })
  return true
}
