#!/usr/bin/env bash
# What KEDA itself makes of infra/kubernetes/base/scaling.yaml on a real broker, beside what the product says: secrets and
# settings as its operator resolves them, the lag, the instances that come of it. One line for each check; exits non-zero
# when one failed.
#
#   bash tests/keda/run-keda.sh      needs Go 1.26 or later, and Java 17 and Maven for the broker
#
# Outside CI, because building KEDA takes minutes of a core. The manifest is held to KEDA's schema, and to what was seen
# here, by tests/unit/deployment/kubernetes.test.ts.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# KEDA as it was released, without the scalers for other things than Kafka, which make it twice as long to build.
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
