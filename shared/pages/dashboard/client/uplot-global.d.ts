import type UPlot from 'uplot'

/**
 * uplot.js is a classic script that is loaded before our modules. Of the published builds, uplot.js is the smallest.
 */
declare global {
  const uPlot: typeof UPlot
}
