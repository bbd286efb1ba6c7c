import { byId, busyWhile } from './dom.js'
import { RefusedError } from './api.js'
import { closeDetails } from './details.js'

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
function keep({ key, operator }) {
  sessionStorage.setItem(KEY, key)
  sessionStorage.setItem(OPERATOR, operator)
}

/**
 * The form that asks for the key.
 *
 * @param {{ tryKey: () => Promise<unknown>, onOpen: () => void, onClose: () => void }} dependencies `tryKey` rejects when
 *   the key of the session does not open
 */
export function createGate({ tryKey, onOpen, onClose }) {
  const form = byId('gate', HTMLFormElement)
  const key = byId('key', HTMLInputElement)
  const operator = byId('operator', HTMLInputElement)
  const fault = byId('gate-fault')
  const forget = byId('forget-key', HTMLButtonElement)
  const live = byId('live')

  function open() {
    form.hidden = true
    forget.hidden = false
    live.hidden = false
    onOpen()
  }

  /** @param {string} why */
  function close(why) {
    keep({ ...currentSession(), key: '' })
    onClose()
    forget.hidden = true
    live.hidden = true
    closeDetails()
    form.hidden = false
    fault.textContent = why
    key.value = ''
    key.focus()
  }

  async function submit() {
    fault.textContent = ''
    keep({ key: key.value.trim(), operator: operator.value.trim() })
    try {
      await tryKey()
      open()
    } catch (error) {
      // Any other refusal than 401 came after the key was found right: the page itself says what is wrong.
      if (error instanceof RefusedError && error.status !== 401) return open()
      keep({ ...currentSession(), key: '' })
      const isWrong = error instanceof RefusedError
      fault.textContent = isWrong ? 'This is not the key.' : 'The product does not answer. Is it running?'
      key.select()
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const pressed = form.querySelector('button')
    // What had the focus is hidden then: a keyboard goes on from the picture.
    if (pressed !== null) void busyWhile(pressed, submit).then(() => form.hidden && byId('pipeline-title').focus())
  })
  forget.addEventListener('click', () => close(''))
  operator.value = currentSession().operator

  return {
    close,
    start() {
      if (currentSession().key === '') close('')
      else open()
    },
  }
}
