// The container's health check. It checks liveness, not readiness, because orders are accepted during a store outage
// and a restart would not bring the store back. It runs every few seconds, so it is plain JavaScript, and it does not
// import node:http, because the import would also load fetch. It gives up before Docker does after 5 seconds, because
// Docker may leave the process running.
const { get } = process.getBuiltinModule('node:http')

setTimeout(() => process.exit(1), 3000)
get({ port: process.env.PORT, path: '/api/health/live' }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
).on('error', () => process.exit(1))
