// The container's health check. It asks for liveness, not readiness, because orders are accepted while the store is away
// and a restart would not bring it back. Plain JavaScript on node:http, because it starts every few seconds.
import { get } from 'node:http'

get({ port: process.env.PORT, path: '/api/health/live' }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
).on('error', () => process.exit(1))
