export interface BannerFacts {
  readonly url: string
  /** `file` is undefined when a setting gave the key. */
  readonly functionsKey: { readonly key: string; readonly file: string | undefined }
  readonly services: { readonly described: { readonly log: string; readonly store: string } }
}

/**
 * The text that `npm start` prints. The key, and the link that signs in with it, are shown at a terminal
 * only, never to what collects the output. The link has the key in its fragment, which a browser sends to nobody.
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
