import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** Accepts events as Seq does, one JSON object per line, and answers with the number of events so far. */
let events = 0

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  events += text.split('\n').filter((line) => line !== '').length
  response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ events }))
}

for (const port of [80, 5341]) createServer((request, response) => void serve(request, response)).listen(port)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
