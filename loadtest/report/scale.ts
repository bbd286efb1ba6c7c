/** Maps values to positions between `start` and `end`. `ticks` are the values that are marked on the axis. */
export interface Scale {
  readonly ticks: readonly number[]
  readonly place: (value: number) => number
}

const TICKS = 4

/** A scale from 0 to a round number at or above the largest value. */
export function linearScale(largest: number, start: number, end: number): Scale {
  const step = roundStep(largest / TICKS)
  const top = Math.max(1, Math.ceil(largest / step - 1e-9)) * step
  return { ticks: ticksTo(top, step), place: (value) => start + (value / top) * (end - start) }
}

/** A scale from 0 to exactly `seconds`, because the axis ends with the run. */
export function timeScale(seconds: number, start: number, end: number): Scale {
  const ticks = ticksTo(seconds, roundStep(seconds / TICKS))
  return { ticks, place: (value) => start + (Math.min(value, seconds) / seconds) * (end - start) }
}

/**
 * A logarithmic scale that begins and ends with a power of ten and spans the values. A value that is not positive is
 * placed at the bottom.
 */
export function logScale(values: readonly number[], start: number, end: number): Scale {
  const positive = values.filter((value) => value > 0)
  const low = Math.floor(Math.log10(lowest(positive) ?? 1))
  const high = Math.max(low + 1, Math.ceil(Math.log10(highest(positive) ?? 10) - 1e-9))
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => roundOff(10 ** (low + index)))
  const bottom = 10 ** low
  return {
    ticks,
    place: (value) => start + ((Math.log10(Math.max(bottom, value)) - low) / (high - low)) * (end - start),
  }
}

function ticksTo(top: number, step: number): number[] {
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, index) => roundOff(index * step))
}

/** Removes the rounding error of binary fractions. */
function roundOff(tick: number): number {
  return Number(tick.toPrecision(12))
}

/** Rounds a step up to 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  if (!(rough > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10
  return factor * power
}

/** Unlike `Math.max(...values)`, this is not limited by the number of arguments that a call can have. */
export function highest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((one, other) => Math.max(one, other))
}

function lowest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((one, other) => Math.min(one, other))
}
