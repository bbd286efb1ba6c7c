import { busyWhile, button, el } from '../page/dom.js'
import { closeDetails, showDetails, wordsOf } from './details.js'
import { currentSession, keepSession } from '../session/session.js'

/**
 * Asks before something is done to many: what will happen, and why it is done, for the audit. The dialog stays open, and
 * says what is wrong, until it is done.
 *
 * @param {{ title: string, explained: string, verb: string, act: (reason: string) => Promise<void> }} deed `act` rejects
 *   with what is wrong
 */
export function askReason({ title, explained, verb, act }) {
  const reason = el('input', { maxlength: 500, required: true })
  const operator = el('input', { maxlength: 100, autocomplete: 'name' })
  const fault = el('p', { class: 'fault', role: 'alert' })
  operator.value = currentSession().operator

  async function confirm() {
    fault.textContent = reason.value.trim() === '' ? 'Say why, please.' : ''
    if (fault.textContent !== '') return reason.focus()
    keepSession({ ...currentSession(), operator: operator.value.trim() })
    try {
      await act(reason.value.trim())
      closeDetails()
    } catch (error) {
      fault.textContent = wordsOf(error)
    }
  }

  const send = el('button', { type: 'submit' }, verb)
  const form = el(
    'form',
    // The words of our own `alert` are read out, and stay; the browser's bubble goes after a moment.
    { novalidate: true, 'aria-labelledby': 'details-title' },
    el('p', { class: 'explained' }, explained),
    el('label', {}, 'Why ', reason),
    el('label', {}, 'Your name, for the audit ', operator),
    el(
      'div',
      { class: 'actions' },
      send,
      button('Leave it', async () => closeDetails(), { class: 'quiet' }),
    ),
    fault,
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void busyWhile(send, confirm)
  })
  showDetails(title, form)
  reason.focus()
}
