import { html } from './html.ts'
import { toPage } from './page.ts'

/** Swagger UI for our OpenAPI document. All files are served by this host. */
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

/** A separate file, because the pages allow no inline script. With a `validatorUrl`, the document would be sent to a third party. */
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
