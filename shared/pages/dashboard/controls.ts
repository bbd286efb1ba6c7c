import { html, type Html } from '../html.ts'

type Option = string | readonly [value: string, text: string]

/** A drop-down list. If an option is a string, the string is both its value and its text. */
export function select(id: string, options: readonly Option[]): Html {
  const pairs = options.map((option) => (typeof option === 'string' ? ([option, option] as const) : option))
  return html`<select id="${id}">
    ${pairs.map(([value, text]) => html`<option value="${value}">${text}</option> `)}
  </select>`
}

export function label(name: string | Html, control: Html, kind = ''): Html {
  return html`<label class="${kind}">${name} ${control}</label> `
}

/** A label for a time, with a time zone that the scripts fill in. */
export function inZone(name: string, after = ''): Html {
  return html`<span>${name} <span data-zone></span>${after}</span>`
}
