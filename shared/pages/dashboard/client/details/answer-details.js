import { el } from '../page/dom.js'
import { linkTo, nextPagePath } from '../page/address.js'
import { block, orSay, say, showDetails } from './details.js'
import { toTime } from '../page/format.js'

/**
 * Shows an API response as text, for routes that require the key, because a plain link cannot send the key.
 *
 * @param {import('../page/api.js').Api} api
 * @param {string} path
 */
export async function showAnswer(api, path) {
  const asked = toApiPath(path)
  if (asked === undefined) return say('The link does not name a route of this product.')
  await orSay(async () => {
    const { text, next } = readAnswer(await api.text(asked), asked)
    const when = `The product’s response at ${toTime(Date.now())}. Programs send the key as the x-functions-key header.`
    const more =
      next === undefined ? null : el('p', {}, 'There is more: ', el('a', { href: linkTo({ show: next }) }, 'next page'))
    showDetails(`GET ${asked}`, el('p', { class: 'explained' }, when), block('Answer', text), more)
  })
}

/**
 * Allows only our own routes, because the key must not be sent to any other server.
 *
 * @param {string} path
 */
function toApiPath(path) {
  const url = URL.parse(path, location.origin)
  return url?.origin === location.origin && url.pathname.startsWith('/api/') ? url.pathname + url.search : undefined
}

/**
 * @param {string} text
 * @param {string} asked
 * @returns {{ text: string, next?: string }} JSON is indented; other text is unchanged
 */
function readAnswer(text, asked) {
  if (!/^\s*[[{]/.test(text)) return { text }
  const answer = JSON.parse(text)
  const lines = JSON.stringify(answer, null, 2)
  const { nextCursor } = answer
  return typeof nextCursor === 'string' ? { text: lines, next: nextPagePath(asked, nextCursor) } : { text: lines }
}
