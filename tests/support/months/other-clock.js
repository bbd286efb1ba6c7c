// Loaded before the product, in each of its threads. Sets the product's clock CLOCK_AHEAD_MS ahead of the machine's.
// Timers are not affected.
const aheadMs = Number(process.env['CLOCK_AHEAD_MS'])
const now = Date.now

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [shifted()] : args, newTarget),
  get: (target, name, receiver) => (name === 'now' ? shifted : Reflect.get(target, name, receiver)),
})

function shifted() {
  return now() + aheadMs
}
