import { existsSync } from 'node:fs'
import module from 'node:module'

// Plain JavaScript that runs before any TypeScript, because versions of Node before 22.18 cannot read TypeScript. Before
// 22.20, node:sqlite refuses numbered parameters.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 20)) {
  process.stderr.write(
    `Node ${process.versions.node} is too old: this needs Node 22.20 or later. On Linux and Windows \`npm ci\` installs Node 24; elsewhere, install it from nodejs.org.\n`,
  )
  process.exit(1)
}

// With the compile cache, a script that is started again needs neither type stripping nor parsing. Worker threads learn
// the cache's directory only from the environment. Without the cache, each thread would load Node's type stripper,
// which takes 15 MB.
module.enableCompileCache()
const directory = module.getCompileCacheDir()
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory

// To resolve an import, Node looks for the file, and for the package.json that says which format it has. Our sources are
// all ES modules in TypeScript and name the files that they import exactly, so it is enough to look whether the file
// exists. If it does not, Node's own error says which file imports it (decision 046).
module.registerHooks({
  resolve(specifier, context, next) {
    if (/^\.{1,2}\/.+\.ts$/.test(specifier)) {
      const url = new URL(specifier, context.parentURL)
      if (existsSync(url)) return { url: url.href, format: 'module-typescript', shortCircuit: true }
    }
    return next(specifier, context)
  },
})
