/**
 * Polls while the page is visible. When a hidden page becomes visible again, it polls at once.
 *
 * @param {number} everyMs between the end of one turn and the beginning of the next
 * @param {() => Promise<void>} task never rejects
 */
export function createPoll(everyMs, task) {
  let isOn = false
  let isBusy = false
  let isWanted = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  async function turn() {
    clearTimeout(timer)
    if (!isOn || document.hidden) return
    if (isBusy) {
      isWanted = true
      return
    }
    isBusy = true
    try {
      await task()
    } finally {
      isBusy = false
      timer = setTimeout(() => void turn(), isWanted ? 0 : everyMs)
      isWanted = false
    }
  }

  document.addEventListener('visibilitychange', () => void turn())

  return {
    /** Polls at once, even if the next poll is not due yet. */
    now: () => void turn(),
    start() {
      isOn = true
      void turn()
    },
    stop() {
      isOn = false
      clearTimeout(timer)
    },
  }
}
