import { createServer } from 'node:http'

/**
 * Stands in for the image's Functions runtime, which ignores SIGTERM on .NET 8 and exits on SIGINT. In the state
 * `serving` it answers its health check, in `empty` it has no functions and answers 404 to everything, in `hanging` it
 * accepts requests but never answers, and in `dead` it answers 404 and ignores SIGINT too. Prints `listening`, and then
 * each signal.
 */
const [state = 'serving', port = '0'] = process.argv.slice(2)
process.on('SIGTERM', () => process.stdout.write('SIGTERM\n'))
process.on('SIGINT', () => {
  process.stdout.write('SIGINT\n')
  if (state !== 'dead') setTimeout(() => process.exit(0), 100)
})
createServer((_, answer) => {
  if (state !== 'hanging') answer.writeHead(state === 'serving' ? 200 : 404).end()
}).listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
