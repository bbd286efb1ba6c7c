import { html } from './html.ts'
import { toPage } from './page.ts'

/** Swagger UI over our own document, from our own address, with nothing fetched from anywhere else. */
export function referencePage(): string {
  return toPage({
    title: 'Reference · Order event processing',
    path: '/docs',
    body: html`<noscript
        ><p class="text">
          The reference needs JavaScript. The document that it shows is
          <a href="/api/openapi.json">/api/openapi.json</a>.
        </p></noscript
      >
      <div id="reference"></div>`,
    styles: ['swagger-ui.css'],
    scripts: ['swagger-ui-bundle.js', 'reference.js'],
  })
}

/** A file of its own, for the pages allow no inline script. `validatorUrl` would show the document to somebody else. */
export const REFERENCE_SCRIPT = `const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
})
`
