import { readAddress, replaceAddress, withoutOpened } from '../page/address.js'
import { showAnswer } from './answer-details.js'
import { closeDetails, onDetailsClosed } from './details.js'
import { showLetter } from './letter-details.js'
import { showOrder } from './order-details.js'

/**
 * Opens the order, letter or response that the address refers to, and removes the reference from the address when the
 * dialog is closed.
 *
 * @param {import('../page/api.js').Api} api
 * @param {ReturnType<typeof import('../lists/redrives.js').createRedrives>} redrives
 * @param {{ isOpen: () => boolean, onChange: () => void }} page `isOpen` returns whether somebody is signed in; until
 * then, nothing is opened
 */
export function createLinked(api, redrives, { isOpen, onChange }) {
  async function follow() {
    const { order, letter, show } = readAddress()
    if (order !== undefined) await showOrder(api, order)
    else if (letter !== undefined) await showLetter(api, redrives, letter, onChange)
    else if (show !== undefined) await showAnswer(api, show)
    else closeDetails()
  }

  onDetailsClosed(() => {
    if (isOpen()) replaceAddress(withoutOpened())
  })
  addEventListener('hashchange', () => {
    if (isOpen()) void follow()
  })
  return { follow: () => void follow() }
}
