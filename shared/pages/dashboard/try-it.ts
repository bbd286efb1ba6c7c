import { html, type Html } from '../html.ts'
import { label, select } from './controls.ts'

/** The labels of the counts in client/try-it/traffic.js, keyed by the counts' names. */
const OUTCOMES = {
  accepted: 'accepted',
  stored: 'stored',
  pending: 'on their way',
  dead: 'dead-lettered',
  refused: 'refused, no 202',
}

/** The panel that sends orders and injects faults, shown only with FAULTS=on. */
export function tryItSection(): Html {
  return html`<section id="try-it" class="card try-it" aria-labelledby="try-title">
    <h2 id="try-title" tabindex="-1">Try it</h2>
    <p class="explained">
      No order that got its 202 is lost: it is stored in the end, or kept as a dead letter until somebody repairs it. A
      bad order does not affect the others. Watch four demonstrations. Each step is explained, while the diagram above
      and the charts below show its effects. You can also send orders and break things yourself.
    </p>
    <div class="columns plays">
      ${play('play-eventual', '1. A moment later', 'Accepted now, stored a moment later. Ten seconds.')}
      ${play('play-outage', '2. An outage', 'The store goes down and comes back. Half a minute.')}
      ${play('play-retry', '3. A bad order', 'Retried, dead-lettered, redriven. Takes as long as the retries do.')}
      ${play('play-change', '4. A change of mind', 'An order is retried, and its cancellation waits for it. Up to a minute.')}
    </div>
    <ol id="told" class="told" role="log" aria-label="What happens"></ol>
    <button id="stop-play" class="quiet" type="button" hidden>Stop, and repair everything</button>
    <div class="columns">
      <fieldset>
        <legend>Send</legend>
        ${button('send-one', 'One order', 'Accepted, and stored a moment later.')}
        ${button('send-many', 'A hundred a second', 'For ten seconds. See how closely “stored” follows “accepted”.')}
        ${button('send-same', 'One, five times', 'The same Idempotency-Key: five responses, one order.')}
        ${button('send-poison', 'A poison record', 'Not JSON. It becomes a dead letter; the records behind it are processed.')}
        ${button('send-bug', 'For customer 13', 'An ordinary order, unless you make the code throw for customer 13.')}
      </fieldset>
      <fieldset>
        <legend>Break</legend>
        ${label(
          'The store is',
          select('break-store', [
            ['ok', 'healthy'],
            ['down', 'down: orders wait in the log and are not dead-lettered'],
            ['slow', 'slow: a second for each batch, so batches grow'],
            ['busy', 'busy: tried again in place'],
            ['hang', 'hanging: no response at all'],
          ]),
          'choice',
        )}
        ${label(
          'The log is',
          select('break-log', [
            ['ok', 'healthy'],
            ['down', 'down: orders get 503, because a 202 would be a false promise'],
          ]),
          'choice',
        )}
        <label class="check"
          ><input id="break-customer" type="checkbox" /> Code throws for customer 13: the order is retried, then
          dead-lettered; redrive it once this is off</label
        >
        <button id="mend" type="button">Repair everything</button>
      </fieldset>
      <fieldset>
        <legend>Outcome of your orders</legend>
        <dl id="sent" class="sent">${Object.entries(OUTCOMES).map(([id, name]) => outcome(id, name))}</dl>
        <p id="sent-verdict" class="note">Nothing sent yet.</p>
      </fieldset>
    </div>
  </section>`
}

function outcome(id: string, name: string): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd id="sent-${id}">0</dd>
  </div> `
}

function play(id: string, name: string, explained: string): Html {
  return html`<p class="play">
    <button id="${id}" type="button" aria-pressed="false" aria-describedby="${id}-note">${name}</button>
    <span id="${id}-note" class="note">${explained}</span>
  </p> `
}

function button(id: string, name: string, explained: string): Html {
  return html`<p class="deed">
    <button id="${id}" type="button" aria-describedby="${id}-note">${name}</button>
    <span id="${id}-note" class="note">${explained}</span>
  </p> `
}
