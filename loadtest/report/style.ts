/** Follows the reader's light or dark theme. The first colours are also the colours of the product's pages. */
export const REPORT_STYLE = `:root {
  color-scheme: light dark;
  --ink: light-dark(#17212b, #e6ecf1); --soft: light-dark(#52616e, #9fb0bd);
  --paper: light-dark(#fbfbf9, #11171c); --card: light-dark(#ffffff, #19222a); --line: light-dark(#dfe4e6, #2b3842);
  --c0: light-dark(#0b6e69, #5cc9bf); --c1: light-dark(#b4540a, #f0a35e); --c2: light-dark(#7a4fb5, #bd9bf0); --c3: light-dark(#2f6bb8, #86b6f2);
  --good: light-dark(#e3f3ef, #12352f); --bad: light-dark(#fbe4e0, #4a1d17); --fail: light-dark(#a3200d, #ff9d8c);
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 .25rem }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem }
.soft, small, .legend { color: var(--soft) }
.verdict { margin: 1.25rem 0; padding: .8rem 1rem; border-radius: 10px; background: var(--good) }
.verdict.bad { background: var(--bad) }
.verdict p { margin: .2rem 0 }
.checks { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; list-style: none; padding: 0; margin: .5rem 0 .1rem; font-size: .925rem }
.checks li { margin: 0 }
.checks .fails { color: var(--fail) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0 }
.tiles div { padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px }
.tiles dt { color: var(--soft); font-size: .85rem; line-height: 1.3 }
.tiles dd { margin: .15rem 0 0; font-size: 1.45rem; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums; white-space: nowrap }
.tiles small { font-size: .8rem; font-weight: 400 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .925rem }
th, td { padding: .4rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th { color: var(--soft); font-weight: 550 }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem }
figure { position: relative; margin: 0; padding: .9rem 1rem .6rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; break-inside: avoid }
figcaption { font-weight: 600 }
figcaption small { font-weight: 400 }
svg { display: block; width: 100%; height: auto; margin-top: .4rem }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif }
.y { text-anchor: end; dominant-baseline: middle }
.x { text-anchor: middle }
.grid { stroke: var(--line); stroke-width: 1 }
.band { fill: var(--bad); opacity: .6 }
.line { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round }
.l0 { stroke: var(--c0) } .l1 { stroke: var(--c1) } .l2 { stroke: var(--c2) } .l3 { stroke: var(--c3) }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .3rem 0 0; font-size: .85rem }
.key::before { content: ''; display: inline-block; width: .9rem; height: 3px; margin-right: .4rem; vertical-align: middle; border-radius: 2px; background: var(--c) }
.k0 { --c: var(--c0) } .k1 { --c: var(--c1) } .k2 { --c: var(--c2) } .k3 { --c: var(--c3) }
.marker { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3 }
.dot { fill: var(--c); stroke: var(--card); stroke-width: 1.5 }
svg:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; border-radius: 4px }
.tip { position: absolute; z-index: 1; display: none; padding: .35rem .6rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 2px 10px rgb(0 0 0 / .15); font-size: .85rem; line-height: 1.5; pointer-events: none; white-space: nowrap; font-variant-numeric: tabular-nums }
.tip.shown { display: grid }
@media print { .tip { display: none } }
ul { padding-left: 1.1rem }
li { margin: .3rem 0 }
@media (max-width: 40rem) { svg text { font-size: 17px } }`
