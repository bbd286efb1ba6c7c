import { byId, el, keyed, setText } from '../page/dom.js'
import { plural } from '../page/format.js'

/**
 * The list at the top of the page, with the faults that an operator has to fix. Each fault links to the section where
 * it can be fixed. Temporary faults, such as a failure that will be retried, are omitted.
 *
 * @typedef {{ text: string, at: string }} Fault `at` is the id of a heading
 */

export function createWrong() {
  const list = byId('wrong', HTMLUListElement)
  /** @type {Map<string, Fault>} */
  const faults = new Map()

  /**
   * @param {string} at
   * @param {string | undefined} text undefined when there is no fault
   */
  function tell(at, text) {
    if (text === undefined) faults.delete(at)
    else faults.set(at, { text, at })
    keyed(list, [...faults.values()], { key: (fault) => fault.at, create: createLine, update: updateLine })
    list.hidden = faults.size === 0
  }

  return {
    /** @param {number} count */
    dead: (count) =>
      tell(
        'dead-title',
        count === 0 ? undefined : `${plural(count, 'dead letter waits', 'dead letters wait')} to be repaired`,
      ),
    /** @param {boolean} isNobody whether the group that processes orders has no consumers */
    nobody: (isNobody) =>
      tell(
        'pipeline-title',
        isNobody ? 'Nothing is processing orders: they wait in the log. Start a processor.' : undefined,
      ),
    /** @param {string | undefined} summary what does not add up; undefined when everything does */
    ledger: (summary) => tell('ledger-title', summary),
    /** Removes every fault when the operator signs out. */
    forget: () => [...faults.keys()].forEach((at) => tell(at, undefined)),
  }
}

/** @param {Fault} fault */
function createLine({ at }) {
  const go = () => {
    byId(at).scrollIntoView({ block: 'start' })
    byId(at).focus({ preventScroll: true })
  }
  return el('li', {}, el('span'), ' ', el('button', { class: 'quiet', type: 'button', onclick: go }, 'Show'))
}

/**
 * @param {HTMLElement} line
 * @param {Fault} fault
 */
function updateLine(line, { text }) {
  setText(line.firstElementChild, text)
}
