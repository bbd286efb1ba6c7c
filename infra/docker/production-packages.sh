#!/bin/sh
# For the images: installs what package-lock.json has for production, without the tools of developers' machines (our own
# optionalDependencies) and without what no process reads. `--omit=optional` would be too much, because it leaves out the
# programs of snappy and lz4 too, which are optional dependencies of theirs. Scripts of packages are not run.
set -eu

npm ci --omit=dev --ignore-scripts
node -p "Object.keys(require('./package.json').optionalDependencies).join('\n')" \
  | xargs npm uninstall --no-save --omit=dev --ignore-scripts
cd node_modules
rm -rf .bin .package-lock.json @types
find . -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' ')' -delete
# Copies for bundlers, by fields of package.json that Node does not know.
rm -rf @opentelemetry/*/build/esm @opentelemetry/*/build/esnext
