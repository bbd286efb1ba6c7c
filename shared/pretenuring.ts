import { setFlagsFromString } from 'node:v8'

/**
 * Prevents V8 from allocating objects of batches directly in the old generation (decision 045). V8 would do so because
 * most of them survive one minor collection. Each of them would keep the rest of its batch in memory until V8 collects
 * the old generation.
 *
 * Call this after everything has been loaded: with the flag set, V8 ignores Node's code cache for built-in modules.
 */
export function disablePretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
