import type { Product } from './run.ts'

type BannerFacts = Pick<Product, 'url' | 'functionsKey'> & { readonly services: Pick<Product['services'], 'described'> }

/**
 * The text that `npm start` prints. The key and the sign-in link are printed only to a terminal, so that they never end
 * up in a log. The link carries the key in its fragment, which browsers never send.
 */
export function banner(
  { url, functionsKey: { key, file }, services: { described } }: BannerFacts,
  isTerminal: boolean,
): string {
  const dashboard = `${url}/dashboard${isTerminal ? `#key=${encodeURIComponent(key)}` : ''}`
  const kept = file === undefined ? 'from FUNCTIONS_KEY' : `in ${file}`
  return `
  order-event-processing at ${url}

  log        ${described.log}
  store      ${described.store}
  key        ${isTerminal ? key : kept}
  dashboard  ${dashboard}
  docs       ${url}/docs

  Try it:
  curl -i -X POST ${url}/api/orders -H 'content-type: application/json' -d @order.json

`
}
