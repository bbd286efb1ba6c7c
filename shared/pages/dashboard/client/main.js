import { byId, setText } from './page/dom.js'
import { createApi, RefusedError, UnreachableError } from './page/api.js'
import { createChart } from './page/chart.js'
import { createDeadLetters } from './lists/dead-letters.js'
import { closeBesideDetails, wordsOf } from './details/details.js'
import { toCount, toDuration, toRate, toTime, zoneName } from './page/format.js'
import { createGate, refusalOfKey } from './session/gate.js'
import { createLedger } from './pipeline/ledger.js'
import { createLinked } from './details/linked.js'
import { createOrders } from './lists/orders.js'
import { createPipeline, showHealth, showLamp } from './pipeline/pipeline.js'
import { createPoll } from './page/poll.js'
import { createRedrives } from './lists/redrives.js'
import { createSamples } from './page/samples.js'
import { createStorage } from './pipeline/storage.js'
import { currentSession } from './session/session.js'
import { createTryIt } from './try-it/try-it.js'
import { createWrong } from './pipeline/wrong.js'

/** Wires up the page: polls the product and passes the responses to the parts of the page. */

const KEPT_SECONDS = 3600

const api = createApi(currentSession)
const samples = createSamples({ keepSeconds: KEPT_SECONDS })
const pipeline = createPipeline()
const wrong = createWrong()
const ledger = createLedger(api, wrong.ledger)
const orders = createOrders(api, {
  onNewest(newest) {
    samples.addOrders(newest)
    tryIt?.see(newest)
  },
  onMore: refreshOrders,
})
const storage = createStorage(api, byId('way').dataset['kept'] ?? '')
const redrives = createRedrives(api, { onChange: refreshDeadLetters, onRunning: pipeline.redriving })
const deadLetters = createDeadLetters(api, redrives, refreshDeadLetters)
const linked = createLinked(api, redrives, {
  isOpen: () => currentSession().key !== '',
  onChange: refreshDeadLetters,
})
const tryIt = document.getElementById('try-it') === null ? undefined : createTryIt(api, redrives)

const container = byId('charts')
const span = byId('charts-span', HTMLSelectElement)
span.addEventListener('change', drawCharts)
const charts = [
  createChart(container, {
    title: 'Accepted and stored',
    explained:
      'Orders per second, into the log and into the store. The two lines diverge during an outage of the store, and converge again after it.',
    format: toRate,
    wide: true,
    lines: [
      { of: ({ accepted }) => accepted, name: 'accepted/s', colour: '--accent' },
      { of: ({ stored }) => stored, name: 'stored/s', colour: '--blue' },
    ],
  }),
  createChart(container, {
    title: 'From accepted to stored',
    explained: 'How long the newest orders took. p99: 99 out of 100 orders were faster.',
    format: toDuration,
    lines: [
      { of: ({ p99 }) => p99, name: 'p99', colour: '--violet' },
      { of: ({ p50 }) => p50, name: 'p50', colour: '--blue' },
    ],
  }),
  createChart(container, {
    title: 'Lag',
    explained:
      'Records in the log that have not been processed yet. While the store is unavailable, only this number grows.',
    format: toCount,
    lines: [{ of: ({ lag }) => lag, name: 'to be processed', colour: '--accent' }],
  }),
  createChart(container, {
    title: 'Retries',
    explained: 'Records waiting in a retry topic for their next attempt.',
    format: toCount,
    lines: [{ of: ({ retrying }) => retrying, name: 'waiting', colour: '--warn' }],
  }),
  createChart(container, {
    title: 'Dead letters',
    explained: 'Records waiting for an operator.',
    format: toCount,
    lines: [{ of: ({ dead }) => dead, name: 'to be repaired', colour: '--bad' }],
  }),
]

const ordersPoll = createPoll(1000, quietly(orders.refresh))
const deadLettersPoll = createPoll(3000, quietly(deadLetters.refresh))
const redrivesPoll = createPoll(1000, quietly(redrives.refresh))
const polls = [
  createPoll(1000, refreshStatus),
  ordersPoll,
  deadLettersPoll,
  redrivesPoll,
  createPoll(2000, quietly(ledger.refresh)),
  createPoll(30_000, quietly(storage.refresh)),
  ...(tryIt === undefined ? [] : [createPoll(2000, quietly(tryIt.refresh))]),
]

function refreshOrders() {
  ordersPoll.now()
}

function refreshDeadLetters() {
  deadLettersPoll.now()
  redrivesPoll.now()
}

/** The page's heartbeat. All other parts rely on the connection state that the heartbeat shows. */
async function refreshStatus() {
  try {
    const status = /** @type {import('./page/samples.js').PipelineStatus} */ (await api.get('/api/ops/status'))
    if (samples.hasGapBefore(status)) await refreshHistory()
    pipeline.update(status, samples.add(status))
    drawCharts()
    showHealth(status.readiness)
    showConnection(status.readiness.why)
    wrong.dead(status.parked.dead)
    wrong.nobody(status.orders.consumers === 0)
    showTitle(status.parked.dead)
  } catch (error) {
    showFailure(error)
  }
}

const refreshHistory = quietly(async () => samples.addHistory((await api.get('/api/ops/history')).items))

function drawCharts() {
  for (const chart of charts) chart.update(samples.all(), Number(span.value))
}

/** @param {string | undefined} why which dependency is unavailable, although the product responds */
function showConnection(why) {
  isTaken = true
  pipeline.stale(false)
  showLamp('connection', 'ok', 'live')
  alarm(why ?? '')
}

/** @param {unknown} error */
function showFailure(error) {
  const why = refusalOfKey(error)
  if (why !== undefined) return lockUp(why)
  pipeline.stale(true)
  if (error instanceof UnreachableError) {
    showLamp('connection', 'bad', 'lost')
    for (const id of ['log', 'store', 'ledger']) showLamp(id, 'unknown', 'unknown')
    alarm('The connection is lost, and the numbers are no longer updated. The page keeps trying.')
    return
  }
  showLamp('connection', 'warn', 'numbers not updated')
  alarm(`${wordsOf(error)} The page keeps trying.`)
  void askHealth()
}

/** Without the store there are no figures, but the health route needs neither the store nor the key. */
async function askHealth() {
  const answer = await fetch('/api/health/ready', { cache: 'no-store' }).catch(() => undefined)
  if (answer?.status === 200 || answer?.status === 503) showHealth(await answer.json())
}

/** @param {string} text */
function alarm(text) {
  const place = byId('alarm')
  setText(place, text)
  place.hidden = text === ''
}

/** @param {number} dead */
function showTitle(dead) {
  const title = `${dead > 0 ? `(${toCount(dead)}) ` : ''}Dashboard · Order event processing`
  if (document.title !== title) document.title = title
}

/**
 * Wraps a refresh so that the old content remains if the refresh fails; the heartbeat shows what is wrong.
 *
 * @param {() => Promise<void>} refresh
 */
function quietly(refresh) {
  return async () => {
    try {
      await refresh()
    } catch (error) {
      const why = refusalOfKey(error)
      if (why !== undefined) lockUp(why)
      else if (!(error instanceof RefusedError || error instanceof UnreachableError)) reportError(error)
    }
  }
}

/** Whether the product has accepted the current key. A key from a link may be wrong. */
let isTaken = false

const gate = createGate({
  tryKey: () => api.get('/api/ops/status'),
  onOpen: () => {
    isTaken = false
    polls.forEach((poll) => poll.start())
    linked.follow()
  },
  onClose: () => {
    polls.forEach((poll) => poll.stop())
    pipeline.stale(true)
    wrong.forget()
    alarm('')
  },
})

/** @param {string} why */
function lockUp(why) {
  // Several polls may be refused at the same time.
  if (currentSession().key === '') return
  gate.close(isTaken ? `The key was accepted at first, but was refused at ${toTime(Date.now())}.` : why)
}

for (const place of document.querySelectorAll('[data-zone]')) setText(place, zoneName())
closeBesideDetails()
gate.start()
