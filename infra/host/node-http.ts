/**
 * An `import` would also load fetch, which takes 35 ms and 14 MB, because Node then reads every member of the module,
 * and one of them is `WebSocket`.
 */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http')
