import { readFileSync } from 'node:fs'
import { HttpRequest } from '@azure/functions'
import { describe, expect, it } from 'vitest'
import { ASSETS } from '../../../shared/pages/assets.ts'
import { CLIENT_FILES, DASHBOARD_ASSETS } from '../../../shared/pages/dashboard/assets.ts'
import { dashboardPage } from '../../../shared/pages/dashboard/page.ts'
import { allowedMethods } from '../../../shared/http/routes.ts'

const SETTINGS = {
  faults: true,
  retryDelaysMs: [10_000, 60_000],
  logRetentionMs: null,
  disabledFunctions: new Set<string>(),
}
const page = dashboardPage(SETTINGS)
const scripts = CLIENT_FILES.filter((name) => name.endsWith('.js')).map((name) => ({
  name,
  text: readFileSync(new URL(`../../../shared/pages/dashboard/client/${name}`, import.meta.url), 'utf8'),
}))

describe('the page of the dashboard', () => {
  it('links only to existing routes and files', () => {
    const targets = [...page.matchAll(/(?:href|src)="(\/[^"#]*)/g)].map(([, target]) => target ?? '')
    const isThere = (target: string) => {
      const [, room, file = ''] = /^\/(docs|dashboard)\/(.+\..+)$/.exec(target) ?? []
      if (room === undefined) return allowedMethods(target).includes('GET')
      return (room === 'docs' ? ASSETS : DASHBOARD_ASSETS).has(file)
    }
    expect(targets.length).toBeGreaterThan(20)
    expect(targets.filter((target) => !isThere(target))).toEqual([])
  })

  it('has every element that its scripts look for', () => {
    const wanted = scripts.flatMap(({ text }) => [...text.matchAll(/byId\('([\w-]+)'/g)].map(([, id]) => id ?? ''))
    expect(new Set(wanted).size).toBeGreaterThan(20)
    expect(wanted.filter((id) => !page.includes(`id="${id}"`))).toEqual([])
  })

  it('needs nothing that its Content-Security-Policy refuses', () => {
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:/i)
  })

  it('has a box for each retry tier', () => {
    expect(page.match(/id="node-retry-\d"/g)).toHaveLength(2)
  })

  it('says how long the log keeps records', () => {
    expect(page).toContain('keeps every order forever')
    const bounded = dashboardPage({ ...SETTINGS, logRetentionMs: 129_600_000 })
    expect(bounded).toContain('keeps every order for 1.5 days')
    expect(bounded).toContain('data-kept="for 1.5 days"')
  })

  it('has the fault panel only where faults can be injected', () => {
    expect(page).toContain('id="try-it"')
    expect(dashboardPage({ ...SETTINGS, faults: false })).not.toContain('id="try-it"')
    expect(dashboardPage({ ...SETTINGS, disabledFunctions: new Set(['setfaults']) })).not.toContain('id="try-it"')
  })
})

describe('the scripts of the dashboard', () => {
  it.each(scripts)('$name creates no HTML from data', ({ text }) => {
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function/)
  })

  it.each([...DASHBOARD_ASSETS])('%s is served', async (_, serve) => {
    const request = new HttpRequest({ url: 'http://localhost/dashboard/x', method: 'GET' })
    expect(await serve(request)).toMatchObject({ status: 200 })
  })
})
