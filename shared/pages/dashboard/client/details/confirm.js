import { actions, busyWhile, button, el } from '../page/dom.js'
import { closeDetails, showDetails, wordsOf } from './details.js'
import { currentSession, keepSession } from '../session/session.js'

/**
 * @typedef {{ explained: string, verb: string, act: (reason: string) => Promise<void> }} Deed `verb` is the text of the
 *   button; `act` rejects with the error to show
 */

/**
 * A form that requires a reason. The form shows the error if the action fails.
 *
 * @param {Deed & { label: import('../page/dom.js').Attributes, fields?: Node[], buttons?: Node[] }} options
 */
export function reasonForm({ explained, verb, act, label, fields = [], buttons = [] }) {
  const reason = el('input', { maxlength: 500, required: true })
  const fault = el('p', { class: 'fault', role: 'alert' })
  const send = el('button', { type: 'submit' }, verb)

  async function confirm() {
    try {
      await act(reason.value.trim())
    } catch (error) {
      fault.textContent = wordsOf(error)
    }
  }

  const form = el(
    'form',
    // Our own `alert` is read out and stays visible; the browser's validation bubble disappears after a moment.
    { novalidate: true, ...label },
    el('p', { class: 'explained' }, explained),
    el('label', {}, 'Reason ', reason),
    ...fields,
    actions(send, ...buttons),
    fault,
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    fault.textContent = reason.value.trim() === '' ? 'Please give a reason.' : ''
    if (fault.textContent === '') void busyWhile(send, confirm)
    else reason.focus()
  })
  return form
}

/**
 * Opens a dialog that explains what an action on many letters will do, and requires a reason. The dialog stays open
 * until the action succeeds.
 *
 * @param {Deed & { title: string }} deed
 */
export function askReason({ title, act, ...deed }) {
  const operator = el('input', { maxlength: 100, autocomplete: 'name' })
  operator.value = currentSession().operator
  const form = reasonForm({
    ...deed,
    label: { 'aria-labelledby': 'details-title' },
    fields: [el('label', {}, 'Your name, for the audit log ', operator)],
    buttons: [button('Cancel', async () => closeDetails(), { class: 'quiet' })],
    async act(reason) {
      keepSession({ ...currentSession(), operator: operator.value.trim() })
      await act(reason)
      closeDetails()
    },
  })
  showDetails(title, form)
  form.querySelector('input')?.focus()
}
