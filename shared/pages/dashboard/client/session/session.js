import { readAddress, replaceAddress } from '../page/address.js'

/**
 * Who looks: the function key and a name, kept in this tab's sessionStorage and nowhere else.
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
 * Takes the key of a link that signs in out of the address, and keeps it as one that was typed. Returns whether there was
 * one.
 */
export function takeKeyOfAddress() {
  const { key, ...rest } = readAddress()
  if (key === undefined) return false
  replaceAddress(rest)
  keepSession({ ...currentSession(), key: key.trim() })
  return true
}
