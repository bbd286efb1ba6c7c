#!/usr/bin/env bash
# Guess: mssql reads `Authentication=` in a connection string as Microsoft's drivers do, or refuses the value.
# Seen with mssql 12.7.14: of Microsoft's values it knows `Active Directory Integrated` and `Active Directory Password`. Any
# other, such as `Active Directory Default` and `Active Directory Managed Identity`, silently becomes SQL authentication,
# so the server is asked to sign in a user without a name. `Encrypt=Strict` becomes plain `true`, which is TDS
# 7.4. Source: lib/base/connection-pool.js, _parseAuthenticationType and the case 'encrypt'.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mssql@12.7.14
cat > look.cjs <<'JS'
const { ConnectionPool } = require('mssql')
const read = (words) => ConnectionPool.parseConnectionString(`Server=db.example.com;Database=orders;${words}`)
for (const word of ['Default', 'Managed Identity', 'Workload Identity', 'Service Principal', 'Integrated', 'Password']) {
  console.log(`Active Directory ${word}: ${read(`Authentication=Active Directory ${word}`).authentication_type}`)
}
console.log(`Encrypt=Strict: ${read('Encrypt=Strict').options.encrypt}`)
JS
node look.cjs | tee seen
diff - seen <<'SEEN'
Active Directory Default: default
Active Directory Managed Identity: default
Active Directory Workload Identity: default
Active Directory Service Principal: default
Active Directory Integrated: azure-active-directory-default
Active Directory Password: azure-active-directory-password
Encrypt=Strict: true
SEEN
