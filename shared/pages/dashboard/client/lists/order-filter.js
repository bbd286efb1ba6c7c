import { byId } from '../page/dom.js'
import { readAddress, replaceAddress } from '../page/address.js'
import { instantOf, toLocalInput } from '../page/format.js'

/**
 * The order list's filter. The URL contains the filter, so that a link opens the list with the same filter; the form
 * displays the filter. In the URL, times are instants; the form shows them in the reader's time zone.
 */

/** The parameter name for each field id, in both the list request and the URL. */
const FIELDS = {
  'order-text': 'q',
  'order-status': 'status',
  'order-customer': 'customerId',
  'order-currency': 'currency',
  'order-from': 'from',
  'order-to': 'to',
}
const TYPING_MS = 200

/** @param {() => void} onChange called when the filter changes */
export function createOrderFilter(onChange) {
  const form = byId('order-search', HTMLFormElement)
  const rest = byId('order-filters', HTMLDetailsElement)
  const fields = Object.entries(FIELDS).map(([id, name]) => ({ name, field: fieldOf(id) }))
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing

  function showAddress() {
    const address = readAddress()
    for (const { name, field } of fields) {
      const value = address[name] ?? ''
      const shown = field.type === 'datetime-local' ? toLocalInput(value) : value
      if (field.value !== shown && field !== document.activeElement) field.value = shown
    }
    if (fields.some(({ field }) => rest.contains(field) && field.value !== '')) rest.open = true
  }

  /** Changing a filter returns to the first page. */
  function takeForm() {
    clearTimeout(typing)
    typing = undefined
    const { cursor: _, ...address } = readAddress()
    for (const { name, field } of fields) {
      const value = field.value.trim()
      address[name] = field.type === 'datetime-local' ? instantOf(value) : value
    }
    replaceAddress(address)
    onChange()
  }

  form.addEventListener('submit', (event) => event.preventDefault())
  form.addEventListener('input', ({ target }) => {
    if (target instanceof HTMLSelectElement) return takeForm()
    clearTimeout(typing)
    typing = setTimeout(takeForm, TYPING_MS)
  })
  addEventListener('hashchange', () => {
    // The new address lacks what was last typed into the form, so the form's text is added now.
    if (typing !== undefined) return takeForm()
    showAddress()
    onChange()
  })
  showAddress()

  return {
    /** @returns {Record<string, string>} parameters of GET /api/orders */
    query() {
      const address = readAddress()
      return Object.fromEntries(
        fields.flatMap(({ name }) => (address[name] === undefined ? [] : [[name, address[name]]])),
      )
    },
  }
}

/** @param {string} id */
function fieldOf(id) {
  const element = byId(id)
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) return element
  throw new Error(`${id} is not a field.`)
}
