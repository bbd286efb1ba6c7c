#!/usr/bin/env bash
# Guess: in a batch from a Kafka trigger, `context.triggerMetadata.topicArray` holds the topic's name for each record, as
# the host sent it, and it costs nothing.
# Seen with @azure/functions 4.16.5 on Node 24.21.0: the library tries to parse each of these strings as JSON. A topic
# named 2026 arrives as a number and one named null as null. For an ordinary name, the library catches a SyntaxError,
# once for each record and before the function is called: 1000 records cost 1000 errors with stack traces, about 5 µs
# each. Source: src/converters/fromRpcTypedData.ts (`collectionString`).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.21.0 @azure/functions@4.16.5
# The host's worker provides this module. The library registers its functions and its own code with it.
mkdir node_modules/@azure/functions-core
cat > node_modules/@azure/functions-core/index.js << 'JS'
module.exports = {
  registerFunction: (metadata) => (module.exports.metadata = metadata),
  registerHook: () => undefined,
  setProgrammingModel: (model) => (module.exports.model = model),
}
JS
cat > look.cjs << 'JS'
const { app } = require('@azure/functions')
const core = require('@azure/functions-core')
const trigger = { type: 'kafkaTrigger', topic: 'orders', brokerList: 'Brokers', cardinality: 'many' }
app.generic('consume', { trigger: { name: 'events', ...trigger }, handler: () => undefined })

/** The names that a function finds, and the number of errors that the library has caught, for records of these topics. */
async function received(topics) {
  const triggerMetadata = { TopicArray: { collectionString: { string: topics } } }
  const request = { inputData: [], triggerMetadata }
  const model = core.model.getInvocationModel({ invocationId: '1', metadata: core.metadata, request })
  const parse = JSON.parse
  let errors = 0
  JSON.parse = (...args) => {
    try {
      return parse(...args)
    } catch (error) {
      errors += 1
      throw error
    }
  }
  const { context } = await model.getArguments()
  JSON.parse = parse
  return { names: context.triggerMetadata.topicArray, errors }
}

async function main() {
  console.log(JSON.stringify(await received(['orders', '2026', 'null'])))
  console.log((await received(Array(1000).fill('orders'))).errors)
}
main()
JS
node_modules/.bin/node look.cjs | tee seen
diff - seen << 'SEEN'
{"names":["orders",2026,null],"errors":1}
1000
SEEN
