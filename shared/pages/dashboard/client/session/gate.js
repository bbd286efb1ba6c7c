import { byId, busyWhile } from '../page/dom.js'
import { RefusedError } from '../page/api.js'
import { closeDetails } from '../details/details.js'
import { currentSession, keepSession, takeKeyOfAddress } from './session.js'

/**
 * Why the key was refused; undefined for any other error.
 *
 * @param {unknown} error
 */
export function refusalOfKey(error) {
  if (!(error instanceof RefusedError)) return undefined
  if (error.status === 401) return 'This is not the right key.'
  return error.status === 403 ? 'This key has fewer rights than the dashboard needs.' : undefined
}

/**
 * The sign-in form for the key.
 *
 * @param {{ tryKey: () => Promise<unknown>, onOpen: () => void, onClose: () => void }} dependencies `tryKey` rejects when
 *   the key of the session is refused
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
    fault.textContent = ''
    forget.hidden = false
    live.hidden = false
    onOpen()
  }

  /** @param {string} why */
  function close(why) {
    keepSession({ ...currentSession(), key: '' })
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
    keepSession({ key: key.value.trim(), operator: operator.value.trim() })
    try {
      await tryKey()
      open()
    } catch (error) {
      const why = refusalOfKey(error)
      // If the refusal is not about the key, the key was accepted; the page shows what is wrong.
      if (error instanceof RefusedError && why === undefined) return open()
      keepSession({ ...currentSession(), key: '' })
      fault.textContent = why ?? 'The product does not answer. Is it running?'
      key.select()
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const pressed = form.querySelector('button')
    // The focused element is hidden now, so the focus moves to the diagram.
    if (pressed !== null) void busyWhile(pressed, submit).then(() => form.hidden && byId('pipeline-title').focus())
  })
  forget.addEventListener('click', () => close(''))
  operator.value = currentSession().operator

  function start() {
    if (currentSession().key === '') close('')
    else open()
  }

  // Following a sign-in link while the page is open changes only the fragment and loads nothing.
  addEventListener('hashchange', () => {
    if (takeKeyOfAddress()) start()
  })

  return { close, start }
}
