/** From a value to a place between `start` and `end`, and the values worth a mark. */
export interface Scale {
  readonly ticks: readonly number[]
  readonly place: (value: number) => number
}

const TICKS = 4

/** From 0 to a round number at or above the largest value. */
export function linearScale(largest: number, start: number, end: number): Scale {
  const step = roundStep(largest / TICKS)
  const top = Math.max(1, Math.ceil(largest / step - 1e-9)) * step
  const ticks: number[] = []
  for (let tick = 0; tick <= top + step / 1000; tick += step) ticks.push(Number(tick.toPrecision(12)))
  return { ticks, place: (value) => start + (value / top) * (end - start) }
}

/** From 0 to exactly `end`: time ends where the run does. */
export function timeScale(seconds: number, start: number, end: number): Scale {
  const step = roundStep(seconds / TICKS)
  const ticks: number[] = []
  for (let tick = 0; tick <= seconds; tick += step) ticks.push(Number(tick.toPrecision(12)))
  return { ticks, place: (value) => start + (Math.min(value, seconds) / seconds) * (end - start) }
}

/** Powers of ten around the values; what is not positive is placed at the bottom. */
export function logScale(values: readonly number[], start: number, end: number): Scale {
  const positive = values.filter((value) => value > 0)
  const low = Math.floor(Math.log10(lowest(positive) ?? 1))
  const high = Math.max(low + 1, Math.ceil(Math.log10(highest(positive) ?? 10) - 1e-9))
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => Number((10 ** (low + index)).toPrecision(12)))
  const bottom = 10 ** low
  return {
    ticks,
    place: (value) => start + ((Math.log10(Math.max(bottom, value)) - low) / (high - low)) * (end - start),
  }
}

/** 1, 2 or 5 times a power of ten, at least as large. */
function roundStep(rough: number): number {
  if (!(rough > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10
  return factor * power
}

/** Not `Math.max(...values)`: a long run has more values than a call may have arguments. */
export function highest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((one, other) => Math.max(one, other))
}

function lowest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((one, other) => Math.min(one, other))
}
