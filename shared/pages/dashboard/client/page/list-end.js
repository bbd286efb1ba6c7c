import { button, el, setText } from './dom.js'
import { linkTo } from './address.js'

/** What the product gives on one page, at most. */
const MOST = 200

/**
 * The end of a list that shows its beginning: says that there is more, shows more of it, and leads to the rest.
 *
 * @param {{ first: number, onMore: () => unknown }} options `first` is how many are shown until somebody wants more
 */
export function createListEnd({ first, onMore }) {
  let limit = first
  const text = el('span')
  const more = button('Show more', async () => {
    limit = MOST
    await onMore()
  })
  more.classList.add('quiet')
  const rest = el('a', {}, 'The rest, as the API answers')
  const element = el('p', { class: 'note more', hidden: true }, text, ' ', more, rest)

  return {
    element,
    limit: () => limit,
    /**
     * @param {number} shown
     * @param {string | null} nextCursor
     * @param {string} path that was asked
     */
    update(shown, nextCursor, path) {
      element.hidden = nextCursor === null
      if (nextCursor === null) return
      setText(text, `${shown} are shown, and there are more.`)
      more.hidden = limit === MOST
      rest.hidden = limit < MOST
      const url = new URL(path, location.origin)
      url.searchParams.set('cursor', nextCursor)
      rest.href = linkTo({ show: url.pathname + url.search })
    },
  }
}
