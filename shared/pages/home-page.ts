import type { Config } from '../settings/config.ts'
import { accessTo, allowedMethods } from '../http/routes.ts'
import { EXAMPLE_ORDER } from '../api-docs/examples/examples.ts'
import { html, type Html } from './html.ts'
import { toPage } from './page.ts'

interface Link {
  readonly path: string
  readonly name: string
  readonly text: string
}

const FIRST: readonly Link[] = [
  { path: '/docs', name: 'Reference', text: 'Every route, documented and ready to try.' },
  { path: '/docs/errors', name: 'Problems', text: 'What each problem means, and what to do about it.' },
  { path: '/dashboard', name: 'Dashboard', text: 'Live numbers from the pipeline, and tools to repair dead letters.' },
]

const LISTS: readonly Link[] = [
  { path: '/api/orders', name: 'Orders', text: 'Newest first, a page at a time.' },
  { path: '/api/orders/search?q=alex', name: 'Search', text: 'Full-text search over customers, items and ids.' },
  { path: '/api/dead-letters', name: 'Dead letters', text: 'Orders that could not be stored, and why.' },
  { path: '/api/ops/ledger', name: 'Ledger', text: 'Whether every order is accounted for.' },
  { path: '/api/ops/status', name: 'Status', text: 'Lag, retries and dead letters in numbers.' },
  { path: '/api/metrics', name: 'Metrics', text: 'For Prometheus.' },
]

const MACHINES: readonly Link[] = [
  { path: '/api/openapi.json', name: 'OpenAPI', text: 'The routes, for programs.' },
  { path: '/api/asyncapi.json', name: 'AsyncAPI', text: 'The topics, for programs.' },
  { path: '/api/health/ready', name: 'Readiness', text: 'Whether requests can be served, and if not, why.' },
  { path: '/api/health/live', name: 'Liveness', text: 'Whether the process answers and receives its records.' },
]

type Access = Pick<Config, 'ordersAuth'>

/**
 * The page that links to everything. `origin` is the address that the reader used, so that the command works when
 * pasted.
 */
export function homePage(origin: string, access: Access = { ordersAuth: 'anonymous' }): string {
  const body = html`<div class="text">
    <h1>An order intake that never loses an order</h1>
    <p class="lead">
      An order is accepted once it is durable in the log. It is then stored, with retries. An order that cannot be
      stored is kept as a dead letter, for an operator to repair.
    </p>
    <ol class="journey">
      <li><b>Accepted</b><span>durable in the log: 202</span></li>
      <li><b>Stored</b><span>exactly once, in effect</span></li>
      <li><b>Found</b><span>by id, list and search</span></li>
    </ol>
    <h2>Place an order</h2>
    <pre
      tabindex="0"
      role="region"
      aria-label="A command to try"
    ><code>${command(origin, needsKey('/api/orders', access))}</code></pre>
    <h2>Read about it</h2>
    ${cards(FIRST, access)}
    <h2>Look at it</h2>
    ${cards(LISTS, access)}
    <h2>For programs</h2>
    ${cards(MACHINES, access)}
  </div>`
  return toPage({ title: 'Order event processing', path: '/', body })
}

function command(origin: string, withKey: boolean): string {
  const [first] = EXAMPLE_ORDER.orderItems
  const order = { ...EXAMPLE_ORDER, shippingAddress: '12 Sample Street', billingAddress: '12 Sample Street' }
  const body = JSON.stringify({ ...order, totalPrice: first.price, orderItems: [first] }, null, 2)
  const key = withKey ? ` -H "x-functions-key: $FUNCTIONS_KEY"` : ''
  return `curl -i ${origin}/api/orders -H 'content-type: application/json'${key} -d '${body}'`
}

/** Omits links to routes that this installation does not have. */
function cards(links: readonly Link[], access: Access): Html {
  const there = links.filter(({ path }) => allowedMethods(pathOf(path)).includes('GET'))
  return html`<ul class="cards">
    ${there.map((link) => card(link, needsKey(link.path, access)))}
  </ul>`
}

function needsKey(path: string, { ordersAuth }: Access): boolean {
  const access = accessTo(pathOf(path))
  return access === 'function' || (access === 'orders' && ordersAuth === 'function')
}

/**
 * A plain link cannot send the key, so the link leads to the dashboard, which asks for the key and shows the response.
 */
function card({ path, name, text }: Link, isKeyed: boolean): Html {
  const href = isKeyed ? `/dashboard#show=${encodeURIComponent(path)}` : path
  const key = isKeyed ? html`<br /><small>needs the function key</small>` : html``
  return html`<li>
    <a href="${href}"><b>${name}</b><span>${text}</span>${key}</a>
  </li> `
}

function pathOf(link: string): string {
  return new URL(link, 'http://localhost').pathname
}
