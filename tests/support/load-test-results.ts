import type { RunResult } from '../../loadtest/outcome/result.ts'

/** A result as a run would write it; a test overrides the figures that it needs. */
export function loadTestResult(changes: Partial<RunResult> = {}): RunResult {
  const summary = { count: 2, mean: 12, min: 10, p50: 10, p90: 14, p95: 14, p99: 40, p999: 41, max: 42 }
  const distribution = [
    { percentile: 0, value: 10 },
    { percentile: 100, value: 42 },
  ]
  const second = { second: 0, count: 2, p50: 10, p99: 40, max: 42 }
  return {
    schema: 1,
    scenario: 'baseline',
    startedAt: '2026-01-01T00:00:00.000Z',
    seconds: 1,
    settings: { target: 'http://127.0.0.1:7071', seed: 1, warmUpSeconds: 1, phases: [] },
    versions: { product: '0.1.0', node: '24.0.0' },
    machine: { system: 'linux', processor: 'A processor', cores: 4, memoryGiB: 8, loadBefore: 0 },
    phases: [{ name: 'baseline', from: 0, to: 1, broken: null }],
    method: ['By hand.'],
    requests: [
      {
        kind: 'place-order',
        sent: 3,
        succeeded: 2,
        refused: 1,
        timeouts: 0,
        unsent: 0,
        errors: 0,
        unanswered: 0,
        statuses: { 202: 2, 503: 1 },
        perSecond: 2,
        latency: { summary, distribution, timeline: [second] },
        observed: summary,
        omitted: 0,
        sentLate: null,
      },
    ],
    stored: { summary, distribution, timeline: [{ second: 0, count: 1, p50: 10, p99: 42, max: 42 }] },
    pipeline: [{ second: 0, lag: 0, records: 2, stored: 2, residentMiB: 100 }],
    cost: { cpuSeconds: 0.001, cpuMicrosecondsPerRequest: 500, maxResidentMiB: 100 },
    ramp: null,
    client: { busy: 0.1 },
    verdict: {
      sent: 3,
      accepted: 2,
      ledger: null,
      lost: 0,
      pending: 0,
      checked: 2,
      missing: 0,
      drainSeconds: 0.5,
      summary: 'Nothing lost.',
    },
    assertions: [],
    ...changes,
  }
}
