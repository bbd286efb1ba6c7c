import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { ICON, PAGE_STYLE } from './page-style.ts'
import { REFERENCE_SCRIPT } from './reference-page.ts'
import { createStaticContent, type ServeStatic } from './static-content.ts'

const CSS = 'text/css; charset=utf-8'
const JAVASCRIPT = 'text/javascript; charset=utf-8'
const require = createRequire(import.meta.url)

/** Every file that /docs/{asset} serves, by name. No other file is read from disk. */
export const ASSETS: ReadonlyMap<string, ServeStatic> = new Map([
  ['page.css', createStaticContent(CSS, () => PAGE_STYLE)],
  ['icon.svg', createStaticContent('image/svg+xml', () => ICON)],
  ['reference.js', createStaticContent(JAVASCRIPT, () => REFERENCE_SCRIPT)],
  ['swagger-ui.css', createStaticContent(CSS, swaggerStyle)],
  [
    'swagger-ui-bundle.js',
    createStaticContent(JAVASCRIPT, () => readFile(require.resolve('swagger-ui-dist/swagger-ui-bundle.js'))),
  ],
])

/**
 * Swagger UI's stylesheet with our pages' font, because the original sets plain sans-serif in about a hundred rules.
 */
async function swaggerStyle(): Promise<string> {
  const style = await readFile(require.resolve('swagger-ui-dist/swagger-ui.css'), 'utf8')
  return style.replaceAll('font-family:sans-serif', 'font-family:inherit')
}
