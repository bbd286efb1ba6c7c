import { html, type Html } from './html.ts'

/**
 * Allows scripts and styles only from our own files. The one exception is `data:` for images, because Swagger UI's
 * stylesheet embeds its icons.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const HTML_TYPE = 'text/html; charset=utf-8'

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const NAVIGATION = [
  ['/', 'Home'],
  ['/dashboard', 'Dashboard'],
  ['/docs', 'Reference'],
  ['/docs/errors', 'Problems'],
] as const

export interface Page {
  readonly title: string
  /** The path of the page, which the navigation marks as current. */
  readonly path: string
  readonly body: Html
  /**
   * Files that the route /docs/{asset} serves. The styles come before page.css, and the scripts run once the page is
   * parsed.
   */
  readonly styles?: readonly string[]
  readonly scripts?: readonly string[]
  /** Additional elements for the page's head. */
  readonly head?: Html
}

/** A whole page, with the layout that all pages share. */
export function toPage({ title, path, body, styles = [], scripts = [], head = html`` }: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="/docs/icon.svg" type="image/svg+xml" />
        ${styles.map((name) => html`<link rel="stylesheet" href="/docs/${name}" /> `)}
        <link rel="stylesheet" href="/docs/page.css" />
        ${scripts.map((name) => html`<script src="/docs/${name}" defer></script> `)} ${head}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header class="top">
          <a class="name" href="/"><img src="/docs/icon.svg" alt="" width="24" height="24" />Order event processing</a>
          <nav aria-label="Pages">${NAVIGATION.map(([href, name]) => link(href, name, path))}</nav>
        </header>
        <main id="content" tabindex="-1">${body}</main>
      </body>
    </html> `.text
}

function link(href: string, name: string, path: string): Html {
  return href === path ? html`<a href="${href}" aria-current="page">${name}</a>` : html`<a href="${href}">${name}</a>`
}
