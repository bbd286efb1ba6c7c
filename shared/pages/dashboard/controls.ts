import { html, type Html } from '../html.ts'

type Option = string | readonly [value: string, text: string]

/** A list of choices. A string is both value and text. */
export function select(id: string, options: readonly Option[]): Html {
  const pairs = options.map((option) => (typeof option === 'string' ? ([option, option] as const) : option))
  return html`<select id="${id}">
    ${pairs.map(([value, text]) => html`<option value="${value}">${text}</option> `)}
  </select>`
}

export function label(name: string | Html, control: Html, kind = ''): Html {
  return html`<label class="${kind}">${name} ${control}</label> `
}

/** The name of a time, with the zone that the scripts fill in. */
export function inZone(name: string, after = ''): Html {
  return html`<span>${name} <span data-zone></span>${after}</span>`
}
