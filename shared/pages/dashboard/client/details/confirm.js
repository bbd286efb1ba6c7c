import { busyWhile, button, el } from '../page/dom.js'
import { closeDetails, showDetails, wordsOf } from './details.js'
import { currentSession, keepSession } from '../session/session.js'

/**
 * Asks for a reason before something is done to many letters, and says what will happen. The dialog stays open, and shows
 * what went wrong, until the action succeeds.
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
    // Our own `alert` is read out and stays; the browser's bubble vanishes after a moment.
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
