/**
 * The style of every page. It uses system fonts, follows the reader's preference for light or dark, and fits every
 * screen that is at least as wide as a phone's.
 */
export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --ink: light-dark(#17212b, #e6ecf1);
  --soft: light-dark(#52616e, #9fb0bd);
  --paper: light-dark(#fbfbf9, #11171c);
  --card: light-dark(#ffffff, #19222a);
  --line: light-dark(#dfe4e6, #2b3842);
  --accent: light-dark(#0b6e69, #5cc9bf);
  --good: light-dark(#e3f3ef, #12352f);
  --mono: ui-monospace, 'Cascadia Code', 'SF Mono', Menlo, Consolas, monospace;
}
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100% }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
}
a { color: var(--accent); text-underline-offset: .2em; text-decoration-thickness: 1px }
a:hover { text-decoration-thickness: 2px }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 4px }
main:focus { outline: none }
.skip { position: absolute; left: -100vw }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .25rem .75rem }

.top {
  display: flex; flex-wrap: wrap; gap: .25rem 2rem; align-items: center; justify-content: space-between;
  padding: .9rem max(1.25rem, calc((100% - 57.5rem) / 2)); border-bottom: 1px solid var(--line); background: var(--card);
}
.top .name {
  display: flex; gap: .6rem; align-items: center; color: inherit; font-weight: 650; letter-spacing: -.01em;
  text-decoration: none;
}
.top nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem }
.top nav a { color: var(--soft); text-decoration: none; padding: .2rem 0; border-bottom: 2px solid transparent }
.top nav a:hover { color: var(--ink) }
.top nav a[aria-current] { color: var(--ink); border-color: var(--accent) }

.text { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; overflow-wrap: break-word }
.text h1 { font-size: clamp(1.75rem, 1.2rem + 2.4vw, 2.6rem); line-height: 1.15; letter-spacing: -.025em; margin: 0 0 .75rem; text-wrap: balance }
.text h2 { font-size: 1.15rem; line-height: 1.3; letter-spacing: -.01em; margin: 2.75rem 0 .9rem }
.lead { color: var(--soft); font-size: 1.125rem; max-width: 42rem; margin: 0 }
code, pre { font-family: var(--mono); font-size: .875em }
.text pre {
  margin: 0; padding: 1rem 1.15rem; overflow-x: auto; line-height: 1.55; tab-size: 2;
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
}
.text pre code { font-size: .8125rem }
.text p { text-wrap: pretty }

.journey { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; list-style: none; margin: 2rem 0 0; padding: 0; counter-reset: step }
.journey li { padding: .8rem 1rem; border-radius: 10px; background: var(--good); counter-increment: step }
.journey b { display: block }
.journey b::before { content: counter(step) ' '; color: var(--accent) }
.journey span { color: var(--soft); font-size: .9rem }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: .75rem; list-style: none; margin: 0; padding: 0 }
.cards a { display: block; height: 100%; padding: .9rem 1.1rem; color: inherit; text-decoration: none; background: var(--card); border: 1px solid var(--line); border-radius: 10px }
.cards a:hover { border-color: var(--accent) }
.cards b { display: block; color: var(--accent) }
.cards span { color: var(--soft); font-size: .9rem }
.cards small { display: inline-block; margin-top: .4rem; font: .75rem var(--mono); color: var(--soft) }

.contents { columns: 16rem; column-gap: 2rem; list-style: none; margin: 1.75rem 0 0; padding: 0 }
.contents li { break-inside: avoid; padding: .1rem 0 }
.contents span { display: inline-block; width: 2.6rem; font: .8125rem var(--mono); color: var(--soft) }
.problem { margin: 1rem 0 0; padding: 1.1rem 1.25rem 1.2rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px }
.problem:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent) }
.problem h2 { margin: 0 0 .15rem; font-size: 1.1rem }
.problem h2 a { color: inherit; text-decoration: none }
.problem h2 a:hover { text-decoration: underline }
.problem .code { display: flex; gap: .75rem; color: var(--soft); font: .8125rem var(--mono); margin: 0 0 .7rem }
.problem .code b { color: var(--accent) }
.problem p { margin: 0 0 .35rem; max-width: 44rem }
.problem p:last-child { margin: 0 }

.swagger-ui { max-width: 60rem; margin: 0 auto; padding-bottom: 4rem }
.swagger-ui .info { margin: 2.5rem 0 1.5rem }
.swagger-ui .scheme-container, html.dark-mode .swagger-ui .scheme-container { background: none; box-shadow: none; padding: 0 0 1rem }
html.dark-mode body, html.dark-mode .swagger-ui { background: var(--paper) }
html.dark-mode .swagger-ui :is(.examples-select__section-label, table.headers td, .header-col) { color: var(--ink) }

@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
`

/** The icon: two offsets of a log, followed by an arrow. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
<rect width="24" height="24" rx="6" fill="#0b6e69"/>
<path d="M5 8h3v8H5zM10.5 8h3v8h-3z" fill="#fff" opacity=".6"/><path d="M15 7l5 5-5 5z" fill="#fff"/>
</svg>
`
