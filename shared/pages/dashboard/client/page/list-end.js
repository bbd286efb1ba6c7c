import { button, el, setText } from './dom.js'
import { linkTo, nextPagePath } from './address.js'

/** The product's maximum page size. */
const MOST = 200

/**
 * The line below a list that is only partly shown. It has a button that shows more items, and a link to the rest.
 *
 * @param {{ first: number, onMore: () => unknown }} options `first` is the number of items shown at first
 */
export function createListEnd({ first, onMore }) {
  let limit = first
  const text = el('span')
  const more = button('Show more', async () => {
    limit = MOST
    await onMore()
  })
  more.classList.add('quiet')
  const rest = el('a', {}, 'The rest, as the API returns it')
  const element = el('p', { class: 'note more', hidden: true }, text, ' ', more, rest)

  return {
    element,
    limit: () => limit,
    /**
     * The items of the list at this path.
     *
     * @param {import('./api.js').Api} api
     * @param {string} path
     * @returns {Promise<any[]>}
     */
    async fetch(api, path) {
      const { items, nextCursor } = await api.get(path)
      element.hidden = nextCursor === null
      if (nextCursor === null) return items
      setText(text, `${items.length} are shown, and there are more.`)
      more.hidden = limit === MOST
      rest.hidden = limit < MOST
      rest.href = linkTo({ show: nextPagePath(path, nextCursor) })
      return items
    },
  }
}
