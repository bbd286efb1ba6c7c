import type UPlot from 'uplot'

/** uplot.js is a classic script that is loaded before our modules. It is the smallest published build. */
declare global {
  const uPlot: typeof UPlot
}
