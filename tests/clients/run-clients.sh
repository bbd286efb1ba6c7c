#!/usr/bin/env bash
# Generates clients from the product's own documents, compiles them and runs each through an order's journey: the client
# places an order, waits for it, reads and lists it, and reads problems and a dead letter. Amounts that do not fit
# into a float, and ids that do not fit into 32 bits, must come back unchanged. Prints one line for each check; exits
# non-zero if one fails.
#
#   bash tests/clients/run-clients.sh     needs Python 3.10, JDK 17 and Maven; CLIENT_TOOLS=<directory> keeps its tools
#
# On one core, if no tools were kept, this takes 40 s to install the tools, 10 s to generate, 65 s to compile (35 s of
# them for Go with oapi-codegen), and 5 s for the journeys.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
export PATH="$PWD/node_modules/.bin:$PATH"

work=$(mktemp -d)
tools=${CLIENT_TOOLS:-$work/tools}
here=tests/clients
# shellcheck source=tests/support/check.sh
. tests/support/check.sh
# shellcheck source=tests/support/product/start-product.sh
. tests/support/product/start-product.sh
clean_up() {
  stop_product
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Every tool comes from its package registry, at a pinned version.
install_python() {
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r "$here/python/requirements.txt"
}
install_typescript() {
  mkdir -p "$tools/typescript"
  cp .npmrc "$here"/typescript/package*.json "$tools/typescript/"
  npm ci --ignore-scripts --prefix "$tools/typescript"
}
install_java() {
  mvn -q -B -f "$here/java/pom.xml" dependency:copy-dependencies -DoutputDirectory="$tools/java"
}

# These options make short-lived processes start quickly. Without optimisation, Go compiles in half the time.
jvm=(-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1)
build_go() { (cd "$work/go" && go build -gcflags='all=-N -l' -ldflags='-s -w' -o bin/ "$@"); }

# openapi_generator GENERATOR DIRECTORY ARGUMENT…: generates a client with the default options and these arguments.
openapi_generator() {
  local generator=$1 directory=$2
  shift 2
  java "${jvm[@]}" -jar "$tools"/lib/python3*/site-packages/openapi_generator_cli/openapi-generator.jar generate \
    --generator-name "$generator" --input-spec "$work/openapi.json" --output "$directory" "$@" \
    --global-property apiTests=false,modelTests=false,apiDocs=false,modelDocs=false
}

documents() {
  curl --fail --silent --show-error --output "$work/openapi.json" "$url/api/openapi.json"
  # A record that is not an order is dead-lettered at once, and the clients read that dead letter.
  curl --fail --silent --show-error --header "x-functions-key: $FUNCTIONS_KEY" --header 'content-type: application/json' \
    --data '{"poison":1}' "$url/api/ops/faults"
  for _ in $(seq 300); do
    curl --fail --silent --header "x-functions-key: $FUNCTIONS_KEY" "$url/api/dead-letters" | grep -q recordTimestamp && return
    sleep 0.2
  done
  return 1
}
asyncapi() { node "$work/typescript/asyncapi.js" "$url"; }

python_generate() { openapi_generator python "$work/python"; }
python_compile() { python -m compileall -q "$work/python"; }
python_journey() { PYTHONPATH=$work/python python "$here/python/openapi_generator.py" "$url" "$FUNCTIONS_KEY"; }

pydantic_generate() {
  mkdir -p "$work/pydantic"
  datamodel-codegen --input "$work/openapi.json" --input-file-type openapi --output "$work/pydantic/models.py" \
    --output-model-type pydantic_v2.BaseModel --formatters builtin
}
pydantic_journey() { PYTHONPATH=$work/pydantic python "$here/python/pydantic_models.py" "$url" "$FUNCTIONS_KEY"; }

# A new parameter must not force callers to change their code, so each call takes one object with all the parameters.
java_generate() {
  openapi_generator java "$work/java" --library native --additional-properties useSingleRequestParameter=true
}
java_compile() {
  find "$work/java/src/main" "$here/java" -name '*.java' > "$work/sources.txt"
  javac -J-Xmx512m -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -proc:none -nowarn -cp "$tools/java/*" \
    -d "$work/java/classes" "@$work/sources.txt"
}
java_journey() { java "${jvm[@]}" -cp "$work/java/classes:$tools/java/*" Journey "$url" "$FUNCTIONS_KEY"; }

fetch_generate() {
  openapi_generator typescript-fetch "$work/typescript/openapi-generator" --additional-properties importFileExtension=.js
}
typescript_generate() {
  "$tools/typescript/node_modules/.bin/openapi-typescript" "$work/openapi.json" \
    --output "$work/typescript/openapi-typescript/types.ts"
}
typescript_compile() { "$tools/typescript/node_modules/.bin/tsc" --project "$work/typescript"; }
fetch_journey() { node "$work/typescript/built/openapi-generator.js" "$url" "$FUNCTIONS_KEY"; }
typescript_journey() { node "$work/typescript/built/openapi-typescript.js" "$url" "$FUNCTIONS_KEY"; }

go_generate() {
  openapi_generator go "$work/go-client"
  mkdir "$work/go/openapi"
  mv "$work"/go-client/*.go "$work/go/openapi/"
}
oapi_generate() {
  build_go github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
  mkdir "$work/go/oapi"
  mv "$work/go/bin/oapi-codegen" "$work/go/generator"
  "$work/go/generator" -generate types,client -package oapi -o "$work/go/oapi/oapi.go" "$work/openapi.json"
}
go_journey() { "$work/go/bin/openapi-generator" "$url" "$FUNCTIONS_KEY"; }
oapi_journey() { "$work/go/bin/oapi-codegen" "$url" "$FUNCTIONS_KEY"; }

check 'tools in Python, Go among them' install_python
check 'tools in TypeScript' install_typescript
check 'libraries in Java' install_java
export PATH="$tools/bin:$PATH"
[ "$failed" = 0 ] || exit 1

FAULTS=on
export FAULTS
start_product "$work" || exit 1
cp -r "$here/typescript" "$work/typescript"
ln -s "$tools/typescript/node_modules" "$work/typescript/node_modules"
cp -r "$here/go" "$work/go"
check 'the product has documents and a dead letter' documents || exit 1

check 'AsyncAPI: its own parser reads the document' asyncapi
check 'openapi-generator python: generates' python_generate
check 'openapi-generator python: compiles' python_compile
check 'openapi-generator python: journey' python_journey
check 'datamodel-code-generator: generates' pydantic_generate
check 'datamodel-code-generator, jsonschema: journey' pydantic_journey
check 'openapi-generator java: generates' java_generate
check 'openapi-generator java: compiles' java_compile
check 'openapi-generator java: journey' java_journey
check 'openapi-generator typescript-fetch: generates' fetch_generate
check 'openapi-typescript: generates' typescript_generate
check 'both in TypeScript: compile' typescript_compile
check 'openapi-generator typescript-fetch: journey' fetch_journey
check 'openapi-typescript: journey' typescript_journey
check 'openapi-generator go: generates' go_generate
check 'openapi-generator go: compiles' build_go ./openapi-generator
check 'openapi-generator go: journey' go_journey
check 'oapi-codegen: compiles itself and generates' oapi_generate
check 'oapi-codegen: compiles' build_go ./oapi-codegen
check 'oapi-codegen: journey' oapi_journey
check 'the product logged no error' no_errors "$work"

[ "$failed" = 0 ]
