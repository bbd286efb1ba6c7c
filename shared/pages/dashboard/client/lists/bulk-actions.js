import { askReason } from '../details/confirm.js'
import { say } from '../details/details.js'
import { plural } from '../page/format.js'

/**
 * Actions on all letters in a group. Each action first shows the number of letters and requires a reason.
 *
 * @typedef {import('../../../../application/dead-letters/discard-letters.ts').Discarded} Discarded
 */

/**
 * @param {import('../page/api.js').Api} api
 * @param {ReturnType<typeof import('./redrives.js').createRedrives>} redrives
 * @param {() => void} onChange
 */
export function createBulkActions(api, redrives, onChange) {
  /**
   * One request discards as many letters as it can in a few seconds, so requests are repeated until no letters are
   * left.
   *
   * @param {object} which letters, and why
   */
  async function discardAll(which) {
    let discarded = 0
    for (let query = ''; ;) {
      const part = /** @type {Discarded} */ (await api.send('POST', `/api/dead-letters/discard${query}`, which))
      discarded += part.count
      if (part.nextCursor === null) return discarded
      query = `?cursor=${encodeURIComponent(part.nextCursor)}`
    }
  }

  return {
    /**
     * @param {string} fingerprint
     * @param {number} count
     */
    redrive(fingerprint, count) {
      const letters = plural(count, 'letter')
      askReason({
        title: `Redrive ${letters}?`,
        explained:
          'Each original goes back to where it came from. One goes first, and more follow as long as they are ' +
          'stored. A letter that fails again becomes a dead letter again.',
        verb: `Redrive ${letters}`,
        act: (reason) => redrives.start({ fingerprint }, reason),
      })
    },

    /**
     * @param {string} fingerprint
     * @param {number} count
     */
    discard(fingerprint, count) {
      const letters = plural(count, 'letter')
      askReason({
        title: `Discard ${letters}?`,
        explained:
          'The letters are discarded, and callers who ask for the orders see the reason. The letters can be restored one at a time.',
        verb: `Discard ${letters}`,
        async act(reason) {
          say(`${plural(await discardAll({ fingerprint, reason }), 'letter')} discarded.`)
          onChange()
        },
      })
    },
  }
}
