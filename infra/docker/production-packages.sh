#!/bin/sh
# For the images: installs the production packages from package-lock.json, without developer tools (our own
# optionalDependencies) and without files that no process reads. `--omit=optional` would also drop the native modules of
# snappy and lz4, which are optional dependencies of these packages. Install scripts do not run.
set -eu

npm ci --omit=dev --ignore-scripts
node -p "Object.keys(require('./package.json').optionalDependencies).join('\n')" \
  | xargs npm uninstall --no-save --omit=dev --ignore-scripts
cd node_modules
rm -rf .bin .package-lock.json @types
find . -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' ')' -delete
# Removes the builds for bundlers. A package.json names these builds in fields that Node ignores.
rm -rf @opentelemetry/*/build/esm @opentelemetry/*/build/esnext
