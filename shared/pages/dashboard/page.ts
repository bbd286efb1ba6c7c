import { html, type Html } from '../html.ts'
import { toPage } from '../page.ts'
import type { Config } from '../../settings/config.ts'
import { CURRENCIES } from '../../domain/order-choices.ts'
import { durationInWords } from '../../domain/times.ts'
import { FAULT_ROUTES } from '../../http/routes.ts'
import { CLIENT_FILES } from './assets.ts'
import { inZone, label, select } from './controls.ts'
import { tryItSection } from './try-it.ts'

const STYLES = ['dashboard', 'pipeline', 'parts', 'forms', 'details', 'narrow'].map((name) => `style/${name}.css`)

type Shown = Pick<Config, 'faults' | 'retryDelaysMs' | 'logRetentionMs' | 'disabledFunctions'>

/** The dashboard without figures. Scripts fill in the figures, and find the elements by the ids used here. */
export function dashboardPage({ faults, retryDelaysMs, logRetentionMs, disabledFunctions }: Shown): string {
  const keptFor = logRetentionMs === null ? 'forever' : `for ${durationInWords(logRetentionMs)}`
  const canBreak = faults && [...FAULT_ROUTES].every((name) => !disabledFunctions.has(name.toLowerCase()))
  return toPage({
    title: 'Dashboard · Order event processing',
    path: '/dashboard',
    head: html`<script src="/dashboard/session/sign-in.js" type="module"></script>
      ${['uplot.css', ...STYLES].map((name) => html`<link rel="stylesheet" href="/dashboard/${name}" /> `)}
      ${CLIENT_FILES.filter((name) => name.endsWith('.js')).map(
        (name) => html`<link rel="modulepreload" href="/dashboard/${name}" /> `,
      )}
      <script src="/dashboard/uplot.js" defer></script>
      <script src="/dashboard/main.js" type="module"></script>`,
    body: html`<div class="board">
      ${heading()} ${gate()} ${pipeline(retryDelaysMs.length, keptFor)}
      <div id="live" class="live" hidden>
        ${canBreak ? tryItSection() : html``} ${numbers()}
        <div class="pair">
          ${orders()}
          <div class="stack">${deadLetters()} ${ledger()} ${storage()}</div>
        </div>
      </div>
      <dialog id="details" aria-labelledby="details-title"></dialog>
      <p id="said" class="said" role="status"></p>
    </div>`,
  })
}

function heading(): Html {
  return html`<div class="heading">
      <h1>Dashboard</h1>
      <ul class="lamps" aria-label="Health">
        ${lamp('connection', 'Connection', 'not connected')} ${lamp('log', 'Log')} ${lamp('store', 'Store')}
        ${lamp('ledger', 'Ledger')}
      </ul>
      <button id="forget-key" class="quiet" type="button" hidden>Forget the key</button>
    </div>
    <noscript
      ><p class="alarm">The dashboard needs JavaScript. In a terminal, use <code>npm run ops</code>.</p></noscript
    >
    <p id="alarm" class="alarm" role="alert" hidden></p>
    <ul id="wrong" class="wrong" aria-label="Problems that need your attention" hidden></ul>`
}

function lamp(id: string, name: string, state = 'unknown'): Html {
  return html`<li id="lamp-${id}" data-lamp="unknown"><b>${name}</b> <span>${state}</span></li> `
}

function gate(): Html {
  return html`<form id="gate" class="card gate" hidden>
    <h2>Enter the function key</h2>
    <p>
      Anyone may open this page, but its numbers need the key. <code>npm start</code> shows the key and a link that
      signs you in, or says which file the key is in. The key stays in this tab and is forgotten when you close it.
    </p>
    <div class="fields">
      <label>Function key <input id="key" type="password" autocomplete="off" required spellcheck="false" /></label>
      <label>Your name, for the audit log <input id="operator" maxlength="100" autocomplete="name" /></label>
      <button type="submit">Open</button>
    </div>
    <p id="gate-fault" class="fault" role="alert"></p>
  </form>`
}

function pipeline(tiers: number, keptFor: string): Html {
  const retries = Array.from({ length: tiers }, (_, index) =>
    node(`retry-${index + 1}`, `Retry ${index + 1}`, 'waiting', 'tried again later, without delaying others'),
  )
  return html`<section id="pipeline" class="card pipeline" aria-labelledby="pipeline-title">
    <h2 id="pipeline-title" tabindex="-1">The pipeline</h2>
    <svg id="wires" aria-hidden="true"></svg>
    <ol class="way" id="way" data-kept="${keptFor}">
      ${node('http', 'HTTP', 'accepted a second', '202 once the log has it')}
      ${node('log', 'Log', 'to be processed', `keeps every order ${keptFor}`)}
      ${node('processor', 'Processor', 'stored a second', 'a batch is one transaction')}
      ${node('store', 'Store', 'orders stored', 'each exactly once, in effect')}
    </ol>
    <ol class="branches" aria-label="Orders that were not stored at the first attempt">
      ${retries} ${node('dead', 'Dead letters', 'to be repaired', 'kept byte for byte, with the cause')}
    </ol>
  </section>`
}

function node(id: string, name: string, unit: string, explained: string): Html {
  return html`<li class="node" id="node-${id}">
    <h3>${name}</h3>
    <p class="figure"><b>–</b> <span>${unit}</span></p>
    <p class="note">${explained}</p>
  </li> `
}

function numbers(): Html {
  return html`<section aria-labelledby="numbers-title">
    <div class="title-row">
      <h2 id="numbers-title" tabindex="-1">Over time</h2>
      <div class="fields">
        ${label(
          inZone('Times in', ', the last'),
          select('charts-span', [
            ['300', '5 minutes'],
            ['900', '15 minutes'],
            ['3600', 'hour'],
          ]),
        )}
      </div>
    </div>
    <div id="charts" class="charts"></div>
  </section>`
}

function orders(): Html {
  return html`<section class="card" aria-labelledby="orders-title">
    <h2 id="orders-title" tabindex="-1">Orders</h2>
    <form id="order-search" role="search">
      <div class="fields">
        ${label('Search', html`<input id="order-text" type="search" maxlength="200" placeholder="name, item or order id" />`)}
        ${label(
          'Status',
          select('order-status', [
            ['', 'stored or cancelled'],
            ['stored', 'stored, not cancelled'],
            'cancelled',
            'retrying',
            'dead-lettered',
            'discarded',
          ]),
        )}
      </div>
      <details id="order-filters">
        <summary>Customer, currency, dates</summary>
        <div class="fields">
          ${label('Customer number', html`<input id="order-customer" type="number" min="1" step="1" inputmode="numeric" />`)}
          ${label('Currency', select('order-currency', [['', 'any'], ...CURRENCIES]))}
          ${label(inZone('Accepted from,'), html`<input id="order-from" type="datetime-local" step="1" />`, 'instant')}
          ${label(inZone('before,'), html`<input id="order-to" type="datetime-local" step="1" />`, 'instant')}
        </div>
      </details>
    </form>
    <div class="scroll" tabindex="0" role="region" aria-label="The list of orders">
      <table id="orders-list">
        <thead>
          <tr>
            <th scope="col">Order</th>
            <th scope="col">Accepted, <span data-zone></span></th>
            <th scope="col">Customer</th>
            <th scope="col" class="number">Total</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">Stored after</th>
          </tr>
        </thead>
        <tbody id="orders"></tbody>
      </table>
    </div>
    <p id="orders-fault" class="fault" role="alert"></p>
    <p id="orders-empty" class="empty">Orders appear here once they are stored.</p>
    <nav class="pages" aria-label="Pages of orders">
      <button id="orders-more" class="quiet" type="button" hidden>More</button>
      <a id="orders-newest" href="#" hidden>To the first page</a>
      <a id="orders-older" href="#" hidden>Next page</a>
    </nav>
  </section>`
}

function deadLetters(): Html {
  return html`<section class="card" aria-labelledby="dead-title">
    <div class="title-row">
      <h2 id="dead-title" tabindex="-1">Dead letters</h2>
      <div class="fields">
        ${label(
          'State',
          select('dead-state', [
            'dead',
            ['redriven', 'redriven, outcome open'],
            ['resolved', 'resolved: stored'],
            ['superseded', 'superseded: died again'],
            'discarded',
            ['', 'all'],
          ]),
        )}
      </div>
    </div>
    <p class="explained">
      Records that could not be stored, grouped by cause. A preview runs today’s code on the original and undoes the
      result. A redrive sends the originals back to where they came from: one first, then more as long as they are
      stored.
    </p>
    <div id="redrives"></div>
    <div id="dead-groups"></div>
    <p id="dead-empty" class="empty">There are no dead letters to repair.</p>
    <details id="audit">
      <summary>Who did what</summary>
      <ol id="audit-entries" class="timeline"></ol>
    </details>
  </section>`
}

function ledger(): Html {
  return html`<section class="card" aria-labelledby="ledger-title">
    <h2 id="ledger-title" tabindex="-1">The ledger</h2>
    <p class="explained">
      Every record of the orders topic has exactly one outcome, counted in the transaction that stores it. If the
      figures add up, nothing was lost.
    </p>
    <div id="ledger" class="ledger"></div>
  </section>`
}

function storage(): Html {
  return html`<section class="card" aria-labelledby="storage-title">
    <h2 id="storage-title" tabindex="-1">Storage</h2>
    <div id="storage"></div>
  </section>`
}
