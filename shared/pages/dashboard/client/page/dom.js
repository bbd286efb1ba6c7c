/**
 * Elements without HTML: whatever is text goes in as text, so that a dead letter full of markup is only letters.
 *
 * @typedef {Node | string | number | null | undefined} Child
 * @typedef {Record<string, string | number | boolean | ((event: Event) => unknown) | undefined>} Attributes
 */

/**
 * `on…` listens, true and false set and leave out an attribute, everything else is its value.
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
 * The element of the page's skeleton that has this id; throws when page and script do not fit each other.
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
 * Touches the page only when there is something new, so that a selection or a screen reader is left in peace.
 *
 * @param {Element | null | undefined} element
 * @param {string | number} text
 */
export function setText(element, text) {
  if (element && element.textContent !== String(text)) element.textContent = String(text)
}

/**
 * Makes the children of `container` those of `items`, in order, and keeps the elements of items that stay: focus, what is
 * opened, and what is typed survive.
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
    // Else a keyboard would begin anew at the top of the page.
    if (gone.contains(document.activeElement)) container.closest('section')?.querySelector('h2')?.focus()
    gone.remove()
  }
}

/**
 * A button that cannot be pressed twice while it works.
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
  // Not `disabled`, which would take the focus away from whoever pressed it by keyboard.
  pressed.setAttribute('aria-disabled', 'true')
  try {
    await act()
  } finally {
    pressed.removeAttribute('aria-disabled')
  }
}
