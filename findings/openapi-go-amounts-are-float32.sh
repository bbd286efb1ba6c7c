#!/usr/bin/env bash
# Guess: a Go client that is generated from `type: number` without a format uses a float64, because JSON Schema's
# numbers may have any precision and Go's own encoding/json decodes them into float64.
# Seen with openapi-generator 7.24.0 and oapi-codegen 2.5.1, which share no code: both generate a float32, and an amount of
# a million loses its cents without an error, in both directions. `format: double` gives a float64. For `type: integer` the
# first generates an int32 and the second an int.
# Source: AbstractGoCodegen.java, typeMapping "number"; pkg/codegen/schema.go, "number".
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat > api.json << 'JSON'
{
  "openapi": "3.0.3",
  "info": { "title": "Orders", "version": "1" },
  "paths": {},
  "components": {
    "schemas": {
      "Order": {
        "type": "object",
        "required": ["total", "exactTotal", "customer", "exactCustomer"],
        "properties": {
          "total": { "type": "number" },
          "exactTotal": { "type": "number", "format": "double" },
          "customer": { "type": "integer" },
          "exactCustomer": { "type": "integer", "format": "int64" }
        }
      }
    }
  }
}
JSON
mvn --quiet --batch-mode dependency:copy -Dartifact=org.openapitools:openapi-generator-cli:7.24.0 -DoutputDirectory=. > /dev/null
java -XX:TieredStopAtLevel=1 -jar openapi-generator-cli-7.24.0.jar generate -i api.json -g go -o openapi \
  --additional-properties=isGoSubmodule=false --global-property=models > generate.txt 2>&1
export GOPATH=$work/go GOFLAGS=-mod=mod
go install github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.5.1 2> /dev/null
mkdir oapi
go/bin/oapi-codegen -generate types,skip-prune -package oapi -o oapi/order.go api.json
{
  for model in openapi/model_order.go oapi/order.go; do
    echo "$model"
    sed -n '/^type Order struct/,/^}/p' "$model" | awk '/json:/ { print $1, $2 }' | sort
  done
  cp oapi/order.go main.go
  sed -i 's/^package oapi/package main/' main.go
  cat >> main.go << 'GO'

func main() {
	var order Order
	json.Unmarshal([]byte(`{"total": 1234567.89, "exactTotal": 1234567.89}`), &order)
	again, _ := json.Marshal(order)
	fmt.Println(string(again))
}
GO
  sed -i 's/^package main$/package main\nimport ("encoding\/json"; "fmt")/' main.go
  go run main.go
} | tee seen
diff - seen << 'SEEN'
openapi/model_order.go
Customer int32
ExactCustomer int64
ExactTotal float64
Total float32
oapi/order.go
Customer int
ExactCustomer int64
ExactTotal float64
Total float32
{"customer":0,"exactCustomer":0,"exactTotal":1234567.89,"total":1234567.9}
SEEN
