/**
 * Creates elements without parsing HTML. Text stays text, so that markup in a dead letter has no effect.
 *
 * @typedef {Node | string | number | null | undefined} Child
 * @typedef {Record<string, string | number | boolean | ((event: Event) => unknown) | undefined>} Attributes
 */

/**
 * An `on…` attribute whose value is a function adds a listener. A boolean adds or omits the attribute. Any other value
 * is set as text, and undefined is skipped.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else if (typeof value === 'boolean') element.toggleAttribute(name, value)
    else if (value !== undefined) element.setAttribute(name, String(value))
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map(toNode))
  return element
}

/** @param {Node | string | number} child */
function toNode(child) {
  return child instanceof Node ? child : String(child)
}

/**
 * The element with this id in the page's skeleton; throws if the page and the script do not match.
 *
 * @template {typeof Element} [Type=typeof HTMLElement]
 * @param {string} id
 * @param {Type} [type]
 * @returns {InstanceType<Type>}
 */
export function byId(id, type) {
  const element = document.getElementById(id)
  if (element instanceof (type ?? HTMLElement)) return /** @type {InstanceType<Type>} */ (element)
  throw new Error(`The page has no ${id}.`)
}

/**
 * Changes the page only if the text differs, so that selections and screen readers are not disturbed.
 *
 * @param {Element | null | undefined} element
 * @param {string | number} text
 */
export function setText(element, text) {
  if (element && element.textContent !== String(text)) element.textContent = String(text)
}

/**
 * Makes the children of `container` match `items`, in order. The elements of items that remain are kept, so that focus,
 * open details and typed text are not lost.
 *
 * @template Item
 * @param {Element} container
 * @param {readonly Item[]} items
 * @param {{
 *   key: (item: Item) => string,
 *   create: (item: Item) => HTMLElement,
 *   update?: (element: HTMLElement, item: Item) => void,
 * }} how
 */
export function keyed(container, items, { key, create, update }) {
  const known = new Map([...container.children].map((child) => [child.getAttribute('data-key'), child]))
  items.forEach((item, index) => {
    const found = known.get(key(item))
    const element = /** @type {HTMLElement} */ (found ?? create(item))
    known.delete(key(item))
    element.setAttribute('data-key', key(item))
    update?.(element, item)
    const there = container.children[index]
    if (there !== element) container.insertBefore(element, there ?? null)
  })
  for (const gone of known.values()) {
    // Otherwise, focus would jump to the top of the page.
    if (gone.contains(document.activeElement)) container.closest('section')?.querySelector('h2')?.focus()
    gone.remove()
  }
}

/**
 * A button that cannot be pressed again while its action runs.
 *
 * @param {string} text
 * @param {() => Promise<unknown>} act never rejects
 * @param {Attributes} [attributes]
 */
export function button(text, act, attributes = {}) {
  const made = el('button', { type: 'button', ...attributes }, text)
  made.addEventListener('click', () => void busyWhile(made, act))
  return made
}

/** A row of buttons. @param {Node[]} buttons */
export function actions(...buttons) {
  return el('div', { class: 'actions' }, ...buttons)
}

/**
 * @param {HTMLButtonElement} pressed
 * @param {() => Promise<unknown>} act
 */
export async function busyWhile(pressed, act) {
  if (pressed.getAttribute('aria-disabled') === 'true') return
  // Not `disabled`, because a disabled button loses focus.
  pressed.setAttribute('aria-disabled', 'true')
  try {
    await act()
  } finally {
    pressed.removeAttribute('aria-disabled')
  }
}
