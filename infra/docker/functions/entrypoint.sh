#!/bin/sh
# Puts the keys where the runtime looks for them, takes them out of the environment, and becomes the runtime, so that
# signals reach it. FUNCTIONS_KEY opens routes with authLevel "function", FUNCTIONS_MASTER_KEY the runtime's own /admin;
# either may be given as NAME_FILE, the path of a file that holds it.
set -eu

fail() {
  echo "$1" >&2
  exit 1
}

# secret NAME: the value of NAME, or what the file NAME_FILE holds.
secret() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  if [ -z "$value" ] && [ -n "$file" ]; then
    [ -r "$file" ] || fail "$1_FILE names $file, which cannot be read."
    value=$(cat "$file")
  fi
  case $value in
    *[!A-Za-z0-9_=-]*) fail "$1 may hold letters, digits, '_', '-' and '=' only." ;;
  esac
  [ "${#value}" -ge 16 ] || fail "$1 must be set to at least 16 characters; infra/docker/make-env.ts makes one for compose."
  printf '%s' "$value"
}

key=$(secret FUNCTIONS_KEY)
master=$(secret FUNCTIONS_MASTER_KEY)

umask 077
mkdir -p "$FUNCTIONS_SECRETS_PATH"
cat > "$FUNCTIONS_SECRETS_PATH/host.json" << JSON
{
  "masterKey": { "name": "master", "value": "$master", "encrypted": false },
  "functionKeys": [{ "name": "default", "value": "$key", "encrypted": false }],
  "systemKeys": []
}
JSON
unset key master FUNCTIONS_KEY FUNCTIONS_MASTER_KEY

exec "$@"
