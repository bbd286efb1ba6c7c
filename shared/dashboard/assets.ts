import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import { createStaticContent, type ServeStatic } from '../api-docs/static-content.ts'

const CLIENT = new URL('./client/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}
const require = createRequire(import.meta.url)

/** Our own scripts and styles: every file of client/ that a browser needs. */
export const CLIENT_FILES = readdirSync(CLIENT).filter((name) => extname(name) in TYPES)

/** Every file that /dashboard/{asset} serves, by name; nothing else is read from the disk, whatever is asked for. */
export const DASHBOARD_ASSETS: ReadonlyMap<string, ServeStatic> = new Map([
  ...CLIENT_FILES.map((name) => served(name, () => readFile(new URL(name, CLIENT)))),
  served('uplot.js', () => readFile(require.resolve('uplot/dist/uPlot.iife.min.js'))),
  served('uplot.css', () => readFile(require.resolve('uplot/dist/uPlot.min.css'))),
])

function served(name: string, read: () => Promise<Uint8Array>): [string, ServeStatic] {
  return [name, createStaticContent(TYPES[extname(name)] ?? 'application/octet-stream', read)]
}
