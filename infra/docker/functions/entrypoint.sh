#!/bin/sh
# Checks the settings, writes the keys to the runtime's files, and runs the runtime as a child process. A runtime
# without functions does not exit on its own, so healthy.sh ends it, which ends the container too. FUNCTIONS_KEY gives
# access to routes with authLevel "function", and FUNCTIONS_MASTER_KEY to the runtime's own /admin. Either key may be
# given as NAME_FILE, the path of a file that contains the key.
set -eu

fail() {
  echo "$1" >&2
  exit 1
}

# secret NAME: the value of NAME, or the content of the file NAME_FILE.
secret() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  if [ -z "$value" ] && [ -n "$file" ]; then
    [ -e "$file" ] || fail "$1_FILE names $file, which cannot be read: it does not exist, or user $(id -u) cannot see it."
    [ -r "$file" ] || fail "$1_FILE names $file, which cannot be read: it has $(stat --dereference --format 'mode %a and belongs to user %u' "$file"), but this process runs as user $(id -u)."
    # A file that was written on Windows has a carriage return at the end of each line.
    value=$(sed 's/\r$//' "$file")
  fi
  case $value in
    *[!A-Za-z0-9_=-]*) fail "$1 may contain only letters, digits, '_', '-' and '='." ;;
  esac
  [ "${#value}" -ge 16 ] || fail "$1 must be set to at least 16 characters; infra/docker/make-env.ts generates one for compose."
  printf '%s' "$value"
}

# Exports AzureWebJobs.NAME.Disabled with underscores, because shells drop variables whose names contain dots.
keep_dotted_names() {
  dotted=$(tr '\0' '\n' < "/proc/$$/environ" \
    | sed -n 's/^AzureWebJobs\.\([A-Za-z0-9_]*\)\.Disabled=\(true\|1\)$/\1/Ip')
  for name in $dotted; do export "AzureWebJobs_${name}_Disabled=true"; done
}

trap 'exit 143' INT TERM

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

# If CONTAINER_NAME is set, the runtime behaves like an instance of the Consumption plan and waits for an assignment.
unset CONTAINER_NAME
keep_dotted_names
node "${AzureWebJobsScriptRoot:-/home/site/wwwroot}/dist/infra/functions/check-settings.js"

# A restarted container still has the files from its last run.
rm -rf "$HEALTH_STATE"
mkdir -p "$HEALTH_STATE"

# A shell's background processes ignore SIGINT, but on .NET 8 the runtime stops only on SIGINT.
env --default-signal=INT "$@" &
host=$!
trap 'kill -s INT "$host" 2> /dev/null || :' INT TERM
echo "$host" > "$HEALTH_STATE/host"

# A signal interrupts `wait`, so `wait` is repeated.
while :; do
  status=0
  wait "$host" || status=$?
  kill -0 "$host" 2> /dev/null || break
done

[ ! -f "$HEALTH_STATE/ended" ] || fail "$(cat "$HEALTH_STATE/ended")"
exit "$status"
