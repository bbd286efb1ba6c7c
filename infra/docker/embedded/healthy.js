// The container's health check. It checks liveness, not readiness, because orders are accepted while the store is away
// and a restart would not bring the store back. It is plain JavaScript on node:http so that it starts fast, because it
// runs every few seconds.
import { get } from 'node:http'

get({ port: process.env.PORT, path: '/api/health/live' }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
).on('error', () => process.exit(1))
