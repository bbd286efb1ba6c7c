import { byId, el } from '../page/dom.js'
import { wordsOf } from '../details/details.js'
import { LESSONS } from './lessons.js'

/**
 * Plays the lessons in lessons.js, one at a time, line by line. All faults are switched off at the end, or when the
 * page is closed during a lesson.
 *
 * @typedef {import('./lessons.js').Stage} Stage
 */

const ASK_EVERY_MS = 1000
const NOT_ACCEPTED = 'The log is not accepting orders right now, so there is nothing to show.'

class StoppedError extends Error {}

/**
 * @param {{
 *   api: import('../page/api.js').Api,
 *   traffic: ReturnType<typeof import('./traffic.js').createTraffic>,
 *   redrives: ReturnType<typeof import('../lists/redrives.js').createRedrives>,
 *   apply: (change: object) => Promise<boolean>,
 *   mend: (more?: import('../page/api.js').More) => Promise<unknown>,
 * }} dependencies `apply` resolves with whether the product applied the change
 */
export function createStage({ api, traffic, redrives, apply, mend }) {
  const told = byId('told', HTMLOListElement)
  const stop = byId('stop-play', HTMLButtonElement)
  /** @param {string} text */
  const tell = (text) => told.append(el('li', {}, text))
  const players = Object.keys(LESSONS).map((id) => byId(id, HTMLButtonElement))
  let playing = 0

  /** @param {number} turn @returns {Stage} */
  function stageOf(turn) {
    const check = () => {
      if (turn !== playing) throw new StoppedError()
    }
    /** @param {number} ms */
    const pause = async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      check()
    }
    return {
      tell,
      pause,
      async until(isSo) {
        while (!(await isSo())) await pause(ASK_EVERY_MS)
        check()
      },
      async send(perSecond, seconds) {
        const ids = await traffic.sendMany(perSecond, seconds)
        check()
        if (ids.length === 0) throw new Error(NOT_ACCEPTED)
        return ids
      },
      async sendFor(customerId) {
        const id = await traffic.send({ customerId })
        if (id === undefined) throw new Error(NOT_ACCEPTED)
        return id
      },
      openOf: traffic.openOf,
      async breakOnPurpose(change) {
        check()
        if (!(await apply(change))) throw new Error('The product did not apply the fault.')
      },
      status: () => api.get('/api/ops/status'),
      order: (id) => api.get(`/api/orders/${id}`),
      cancel: (id, reason) => api.send('POST', `/api/orders/${id}/cancel`, { reason }),
      change: ({ orderId, changeId }) => api.get(`/api/orders/${orderId}/changes/${changeId}`),
      async redriveOrder(orderId) {
        const path = `/api/dead-letters?${new URLSearchParams({ orderId, state: 'dead' })}`
        /** @type {string[]} */
        let ids = []
        // The order's status can change before the dead-letter store has the letter.
        while (ids.length === 0) {
          await pause(ASK_EVERY_MS)
          ids = (await api.get(path)).items.map((/** @type {{ id: string }} */ { id }) => id)
        }
        await redrives.start({ ids })
      },
    }
  }

  /** @param {HTMLButtonElement} player */
  async function play(player) {
    const turn = (playing += 1)
    told.replaceChildren()
    show(player)
    try {
      await LESSONS[player.id]?.(stageOf(turn))
    } catch (error) {
      if (error instanceof StoppedError) return
      tell(wordsOf(error))
      await mend()
    }
    if (turn === playing) show(undefined)
  }

  /** @param {import('../page/api.js').More} [more] */
  function abandon(more) {
    playing += 1
    show(undefined)
    return mend(more)
  }

  async function end() {
    await abandon()
    tell('Stopped. Everything works again.')
    players[0]?.focus()
  }

  /**
   * @param {HTMLButtonElement | undefined} player the button of the lesson that is being played; undefined if none is
   */
  function show(player) {
    for (const other of players) other.setAttribute('aria-pressed', String(other === player))
    stop.hidden = player === undefined
  }

  for (const player of players) {
    player.addEventListener('click', () => {
      // Only one lesson plays at a time, because one lesson would undo the faults that another has caused.
      if (stop.hidden) void play(player)
    })
  }
  stop.addEventListener('click', () => void end())
  addEventListener('pagehide', () => {
    // The browser may restore the page as it was, but the lesson must not continue on its own.
    if (!stop.hidden) void abandon({ outlivesPage: true })
  })
}
