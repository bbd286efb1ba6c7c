// Plain JavaScript, loaded before any TypeScript, because an older Node cannot read TypeScript.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `Node ${process.versions.node} is too old: this needs Node 22.18 or later. On Linux and Windows \`npm ci\` brings Node 24 along; elsewhere install it from nodejs.org.\n`,
  )
  process.exit(1)
}
