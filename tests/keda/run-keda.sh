#!/usr/bin/env bash
# Checks, with a real broker, how KEDA reads infra/kubernetes/base/scaling.yaml: the secrets and settings as KEDA's
# operator resolves them, the lag compared with the product's own figure, and the number of instances. Prints one line
# for each check; exits non-zero if one fails.
#
#   bash tests/keda/run-keda.sh      needs Go 1.26 or later, and Java 17 and Maven for the broker
#
# CI does not run this, because building KEDA takes minutes of CPU time. tests/unit/deployment/kubernetes.test.ts checks
# the manifest against KEDA's schema and against the behaviour that was observed here.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A released version of KEDA with only the Kafka scaler, because the other scalers would double the build time.
version=$(sed -n 's|.*github.com/kedacore/keda/v2 \(v.*\)|\1|p' tests/keda/go.mod)
released=$(cd "$work" && go mod download -json "github.com/kedacore/keda/v2@$version" | node -p 'JSON.parse(fs.readFileSync(0)).Dir')
cp -r "$released" "$work/keda"
chmod -R u+w "$work/keda"
find "$work/keda/pkg/scalers" -maxdepth 1 -name '*_scaler.go' ! -name kafka_scaler.go -delete
sed -i '/TRIGGERS-START/,/TRIGGERS-END/ { /case "kafka":/ { n; b }; /^\tcase /d; /return scalers\./d }' \
  "$work/keda/pkg/scaling/scalers_builder.go"
cp tests/keda/main.go tests/keda/go.* "$work"
(cd "$work" && go build -o scale .)

node tests/keda/check.ts "$work/scale"
