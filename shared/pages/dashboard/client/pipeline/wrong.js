import { byId, el, keyed, setText } from '../page/dom.js'
import { plural } from '../page/format.js'

/**
 * Faults that wait for a person, at the top of the page, each with a link to where it is mended. Faults that mend
 * themselves, such as a retry, are left out.
 *
 * @typedef {{ text: string, at: string }} Fault `at` is the id of a heading
 */

export function createWrong() {
  const list = byId('wrong', HTMLUListElement)
  /** @type {Map<string, Fault>} */
  const faults = new Map()

  /**
   * @param {string} name
   * @param {Fault | undefined} fault
   */
  function tell(name, fault) {
    if (fault === undefined) faults.delete(name)
    else faults.set(name, fault)
    keyed(list, [...faults], { key: ([name]) => name, create: createLine, update: updateLine })
    list.hidden = faults.size === 0
  }

  return {
    /** @param {number} count */
    dead: (count) =>
      tell(
        'dead',
        count === 0
          ? undefined
          : {
              text: `${plural(count, 'dead letter')} ${count === 1 ? 'waits' : 'wait'} to be repaired`,
              at: 'dead-title',
            },
      ),
    /** @param {boolean} isNobody whether no consumer is in the group that processes orders */
    nobody: (isNobody) =>
      tell(
        'nobody',
        isNobody
          ? { text: 'Nobody processes orders: they wait in the log. Start a processor.', at: 'pipeline-title' }
          : undefined,
      ),
    /** @param {string | undefined} summary what does not add up */
    ledger: (summary) => tell('ledger', summary === undefined ? undefined : { text: summary, at: 'ledger-title' }),
    /** Nobody is signed in. */
    forget: () => [...faults.keys()].forEach((name) => tell(name, undefined)),
  }
}

/** @param {[string, Fault]} fault */
function createLine([, { at }]) {
  const go = () => {
    byId(at).scrollIntoView({ block: 'start' })
    byId(at).focus({ preventScroll: true })
  }
  return el('li', {}, el('span'), ' ', el('button', { class: 'quiet', type: 'button', onclick: go }, 'Show'))
}

/**
 * @param {HTMLElement} line
 * @param {[string, Fault]} fault
 */
function updateLine(line, [, { text }]) {
  setText(line.firstElementChild, text)
}
