import type UPlot from 'uplot'

/** uplot.js is a classic script, loaded before our modules: the smallest build that is published. */
declare global {
  const uPlot: typeof UPlot
}
