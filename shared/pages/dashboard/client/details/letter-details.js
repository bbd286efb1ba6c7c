import { actions, button, el } from '../page/dom.js'
import { linkTo } from '../page/address.js'
import { CHANGE_NAMES, changeList, changesOf } from './change-list.js'
import { reasonForm } from './confirm.js'
import { block, closeDetails, factList, orSay, say, showDetails } from './details.js'
import { toShortId, toTime } from '../page/format.js'
import { previewList } from './preview.js'

/**
 * One dead letter: its cause, its bytes, and the actions that repair it.
 *
 * @typedef {ReturnType<typeof import('../../../../http/dead-letters.ts').toDeadLetterView>} Letter
 * @typedef {ReturnType<typeof import('../lists/redrives.js').createRedrives>} Redrives
 */

/**
 * @param {import('../page/api.js').Api} api
 * @param {Redrives} redrives
 * @param {string} id
 * @param {() => void} onChange
 */
export async function showLetter(api, redrives, id, onChange) {
  const path = `/api/dead-letters/${encodeURIComponent(id)}`
  const answer = el('div', { class: 'preview' })

  /**
   * @param {() => Promise<unknown>} act
   * @param {string} done
   */
  function attempt(act, done) {
    return orSay(async () => {
      await act()
      closeDetails()
      say(done)
      onChange()
    }, answer)
  }

  async function preview() {
    answer.replaceChildren(previewList(await redrives.preview({ ids: [id] })))
  }

  async function redrive() {
    await redrives.start({ ids: [id] })
    closeDetails()
  }

  /** Fetched with the key, because a plain link cannot send the key. */
  async function download() {
    const fixture = await api.get(`${path}/fixture`)
    const url = URL.createObjectURL(new Blob([JSON.stringify(fixture, null, 2)], { type: 'application/json' }))
    el('a', { href: url, download: `dead-letter-${id.replaceAll(/[^\w.-]/g, '-')}.json` }).click()
    URL.revokeObjectURL(url)
  }

  const downloads = button('Download', () => orSay(download))

  /** @param {Letter} letter */
  function repairs(letter) {
    if (letter.state === 'discarded') {
      const restore = () =>
        attempt(() => api.send('POST', `${path}/restore`), 'Restored: it is dead again, and can be redriven.')
      return [actions(button('Restore', restore), downloads)]
    }
    if (letter.state !== 'dead') return [actions(downloads)]
    return [
      actions(
        button('Preview', () => orSay(preview, answer)),
        button('Redrive', () => orSay(redrive, answer)),
        downloads,
      ),
      answer,
      letter.orderId === null || letter.foreign !== null || letter.change !== undefined
        ? el('p', { class: 'explained' }, notEditable(letter))
        : editForm(letter, (text) =>
            attempt(
              () => api.send('PUT', `${path}/payload`, text),
              'The corrected order was sent in its place; the original is kept.',
            ),
          ),
      el(
        'details',
        {},
        el('summary', {}, 'Discard'),
        reasonForm({
          label: { 'aria-label': 'Discard' },
          explained: discardExplained(letter),
          verb: 'Discard it',
          act: (reason) =>
            attempt(() => api.send('POST', `${path}/discard`, { reason }), 'Discarded. It can be restored.'),
        }),
      ),
    ]
  }

  /** The changes that wait for the letter's record. @param {Letter} letter */
  async function waitingBehind({ orderId, change, foreign }) {
    if (orderId === null || foreign !== null) return null
    const { items, nextCursor } = await changesOf(api, orderId)
    const waiting = items.filter(({ behind }) =>
      behind?.kind === 'change' ? behind.changeId === change?.changeId : behind !== undefined && change === undefined,
    )
    return changeList('Changes that wait for it', {
      items: waiting,
      nextCursor: waiting.length === 0 ? null : nextCursor,
    })
  }

  await orSay(async () => {
    const letter = /** @type {Letter} */ (await api.get(path))
    showDetails('A dead letter', factsOf(letter), await waitingBehind(letter), ...repairs(letter), ...contentOf(letter))
  })
}

/** @param {Letter} letter */
function notEditable({ change, foreign }) {
  if (change !== undefined)
    return 'This letter is a change to an order. To correct it, discard it and send another change.'
  return foreign === null
    ? 'The letter does not belong to an order, so nothing can be sent in its place.'
    : 'Another consumer gave up on this record, so its order is not affected and nothing can be sent in its place.'
}

/** @param {Letter} letter */
function discardExplained({ change }) {
  return change === undefined
    ? 'The letter is discarded, and callers who ask for the order see the reason. The letter can be restored.'
    : 'The change is discarded, and the changes that wait for it are rejected. The discarded change can be restored; the rejected ones cannot.'
}

/** @param {Letter} letter */
function factsOf(letter) {
  const {
    change,
    id,
    state,
    lastCause,
    firstCause,
    attempts,
    lastFailedAt,
    orderId,
    redriveOf,
    foreign,
    consumerGroup,
  } = letter
  const readAt = foreign?.origin
  return factList({
    id,
    state,
    cause: `${lastCause.code}: ${lastCause.detail}`,
    'first cause': firstCause.detail === lastCause.detail ? undefined : `${firstCause.code}: ${firstCause.detail}`,
    attempts: attempts === 0 ? undefined : attempts,
    'last failed': toTime(lastFailedAt),
    order: orderId === null ? null : el('a', { href: linkTo({ order: orderId }) }, orderId),
    change: change && `${CHANGE_NAMES[change.kind]} ${toShortId(change.changeId)}`,
    'redrive of': redriveOf === null ? null : el('a', { href: linkTo({ letter: redriveOf }) }, redriveOf),
    'given up by':
      foreign === null ? undefined : `another consumer (${consumerGroup || 'unknown'}, ${foreign.dialect})`,
    'read at': readAt == null ? undefined : `${readAt.topic}:${readAt.partition}:${readAt.offset}`,
  })
}

/** @param {Letter} letter */
function contentOf({ value, editedValue, headers, stack }) {
  const shown = headers.map(({ name, value: bytes }) => `${name}: ${bytes?.text ?? bytes?.base64 ?? ''}`).join('\n')
  return [
    block('Payload, as it was received', pretty(value)),
    editedValue === null ? null : block('Payload, as an operator edited it', pretty(editedValue)),
    shown === '' ? null : block('Headers', shown),
    stack === null ? null : block('Stack', stack),
  ]
}

/** @param {Letter['value']} bytes */
function pretty(bytes) {
  if (bytes === null) return '(nothing)'
  if (bytes.text === null)
    return `${new TextDecoder().decode(decoded(bytes.base64))}\n\nNot UTF-8. In base64: ${bytes.base64}`
  try {
    return JSON.stringify(JSON.parse(bytes.text), null, 2)
  } catch {
    return bytes.text
  }
}

/** @param {string} base64 */
function decoded(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
}

/**
 * @param {Letter} letter
 * @param {(text: string) => Promise<void>} send
 */
function editForm({ value }, send) {
  const text = el('textarea', { rows: 12, spellcheck: false, 'aria-label': 'The order to send in its place' })
  text.value = value?.text === null || value === null ? '' : pretty(value)
  return el(
    'details',
    {},
    el('summary', {}, 'Edit'),
    el('p', { class: 'explained' }, 'The edited order goes where the original went. The original is kept as it was.'),
    text,
    button('Send this instead', () => send(text.value)),
  )
}
