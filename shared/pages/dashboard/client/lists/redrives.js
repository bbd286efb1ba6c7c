import { button, byId, el, keyed, setText } from '../page/dom.js'
import { RefusedError } from '../page/api.js'
import { orSay, say } from '../details/details.js'
import { plural } from '../page/format.js'

/**
 * Redrives that this tab started, with their progress by outcome: a letter counts once it is stored, not once it is
 * sent.
 *
 * @typedef {import('../../../../ports/redrives.ts').RedriveTask} RedriveTask
 * @typedef {import('../../../../application/dead-letters/preview-redrive.ts').RedrivePreview} RedrivePreview
 * @typedef {import('../../../../application/dead-letters/redrive-warning.ts').RedriveWarning} RedriveWarning
 * @typedef {{ ids: readonly string[] } | { fingerprint: string }} Letters
 */

const KEPT = 'redrives'
const MAX_KEPT = 5

/**
 * @param {import('../page/api.js').Api} api
 * @param {{ onChange: () => void, onRunning: (isRunning: boolean) => void }} listeners
 */
export function createRedrives(api, { onChange, onRunning }) {
  const list = byId('redrives')
  /** @type {Map<string, RedriveTask | undefined>} */
  const tasks = new Map(
    /** @type {string[]} */ (JSON.parse(sessionStorage.getItem(KEPT) ?? '[]')).map((id) => [id, undefined]),
  )

  /** @param {RedriveTask} task */
  function keep(task) {
    tasks.delete(task.id)
    tasks.set(task.id, task)
    while (tasks.size > MAX_KEPT) tasks.delete([...tasks.keys()][0] ?? '')
    sessionStorage.setItem(KEPT, JSON.stringify([...tasks.keys()]))
    show()
  }

  function show() {
    const known = [...tasks.values()].filter((task) => task !== undefined)
    keyed(list, known.reverse(), { key: ({ id }) => id, create: createLine, update: updateLine })
    onRunning(known.some(isMoving))
  }

  /** @param {RedriveTask} task */
  function createLine({ id }) {
    return el(
      'div',
      { class: 'redrive' },
      el('b', {}, 'Redrive'),
      el('progress', { 'aria-label': 'Letters with an outcome' }),
      el('span', { class: 'note' }),
      button('Cancel', () => change(id, 'cancel'), { class: 'quiet' }),
      button('Resume', () => change(id, 'resume'), { class: 'quiet' }),
    )
  }

  /**
   * @param {string} id
   * @param {'cancel' | 'resume'} verb
   */
  async function change(id, verb) {
    await orSay(async () => keep(await api.send('POST', `/api/redrives/${id}/${verb}`)))
  }

  /**
   * Undefined if the store no longer has the redrive, for example because the store was replaced.
   *
   * @param {string} id
   * @returns {Promise<RedriveTask | undefined>}
   */
  async function find(id) {
    try {
      return await api.get(`/api/redrives/${id}`)
    } catch (error) {
      if (!(error instanceof RefusedError && error.status === 404)) throw error
      tasks.delete(id)
      return undefined
    }
  }

  return {
    /** Fetches the unfinished redrives. */
    refresh: async () => {
      for (const [id, task] of tasks) {
        if (task !== undefined && !isMoving(task)) continue
        const found = await find(id)
        if (found === undefined) continue
        const hasEnded = task !== undefined && !isMoving(found)
        tasks.set(id, found)
        if (hasEnded) say(`Redrive ${found.state}: ${outcomesOf(found)}`)
        onChange()
      }
      show()
    },

    /** @param {Letters} letters @returns {Promise<{ items: RedrivePreview[], nextCursor: string | null, warning?: RedriveWarning }>} */
    preview: (letters) => api.send('POST', '/api/dead-letters/redrive', { ...letters, dryRun: true }),

    /**
     * @param {Letters} letters
     * @param {string} [reason]
     */
    async start(letters, reason) {
      const body = { ...letters, ...(reason !== undefined && { reason }) }
      const answer = await api.send('POST', '/api/dead-letters/redrive', body)
      const { warning, ...task } = /** @type {RedriveTask & { warning?: RedriveWarning }} */ (answer)
      keep(task)
      say([`Redrive of ${plural(task.total, 'letter')} started.`, warning?.detail ?? ''].join(' ').trim())
      onChange()
    },
  }
}

/** @param {RedriveTask} task */
function isMoving({ state, pending }) {
  return state === 'running' || pending > 0
}

/**
 * @param {HTMLElement} line
 * @param {RedriveTask} task
 */
function updateLine(line, task) {
  const [name, progress, note, cancel, resume] = line.children
  setText(name, `Redrive ${task.state}`)
  if (progress instanceof HTMLProgressElement) {
    progress.max = Math.max(1, task.total)
    progress.value = task.resolved + task.failed + task.skipped
  }
  setText(note, [outcomesOf(task), task.why ?? ''].filter((part) => part !== '').join(' · '))
  cancel?.toggleAttribute('hidden', task.state !== 'running')
  resume?.toggleAttribute('hidden', task.state !== 'stopped' && task.state !== 'cancelled')
}

/** @param {RedriveTask} task */
function outcomesOf({ total, resolved, failed, skipped, pending, waiting }) {
  const counts = Object.entries({ stored: resolved, 'dead again': failed, skipped, 'on their way': pending, waiting })
  const some = counts.filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`)
  return `${plural(total, 'letter')}: ${some.join(', ') || 'no outcome yet'}`
}
