import { PROBLEMS, type ProblemCode } from '../http/protocol/problem.ts'
import { html, type Html } from './html.ts'
import { toPage } from './page.ts'
import { MEANINGS } from './problem-meanings.ts'

/** The page that the `type` of every problem links to, with an anchor for each code. */
export function errorsPage(): string {
  const codes = Object.keys(PROBLEMS) as ProblemCode[]
  const body = html`<div class="text">
    <h1>Problems</h1>
    <p class="lead">
      A request that fails is answered with problem details (RFC 9457). Their <code>type</code> links to this page;
      <code>errors</code> points to each member to correct.
    </p>
    <ul class="contents">
      ${codes.map(entry)}
    </ul>
    ${codes.map(problem)}
  </div>`
  return toPage({ title: 'Problems · Order event processing', path: '/docs/errors', body })
}

function entry(code: ProblemCode): Html {
  return html`<li><span>${PROBLEMS[code].status}</span><a href="#${code}">${code}</a></li> `
}

function problem(code: ProblemCode): Html {
  const { status, title, remedy } = PROBLEMS[code]
  return html`<section class="problem" id="${code}" aria-labelledby="${code}-title">
    <h2 id="${code}-title"><a href="#${code}">${title}</a></h2>
    <p class="code"><b>${status}</b> ${code}</p>
    <p>${MEANINGS[code]}</p>
    <p><strong>What to do.</strong> ${withCode(remedy)}</p>
  </section> `
}

/** Turns text between backticks into code. */
function withCode(text: string): Html {
  const parts = text.split('`')
  return html`${parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))}`
}
