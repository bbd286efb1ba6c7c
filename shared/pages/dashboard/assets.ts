import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, sep } from 'node:path'
import { createStaticContent, type ServeStatic } from '../static-content.ts'

const CLIENT = new URL('./client/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}
const require = createRequire(import.meta.url)

/** Our own scripts and styles: every .js and .css file under client/, as a relative path with forward slashes. */
export const CLIENT_FILES = readdirSync(CLIENT, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll(sep, '/'))
  .filter((path) => extname(path) in TYPES)

/** Every file that /dashboard/{*asset} serves, by path. No other file is read from disk. */
export const DASHBOARD_ASSETS: ReadonlyMap<string, ServeStatic> = new Map([
  ...CLIENT_FILES.map((name) => served(name, () => readFile(new URL(name, CLIENT)))),
  served('uplot.js', () => readFile(require.resolve('uplot/dist/uPlot.iife.min.js'))),
  served('uplot.css', () => readFile(require.resolve('uplot/dist/uPlot.min.css'))),
])

function served(name: string, read: () => Promise<Uint8Array>): [string, ServeStatic] {
  return [name, createStaticContent(TYPES[extname(name)] ?? 'application/octet-stream', read)]
}
