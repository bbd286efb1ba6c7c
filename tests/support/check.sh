# shellcheck shell=bash
# Checks for a script that sources this file: one line for each, and a count of passes and failures. That script sets
# `work`.
# shellcheck disable=SC2154
passed=0
failed=0

# check NAME COMMAND…: runs the command in a subshell that stops at the first failing line. Shows its output if it
# fails. Data for later checks goes to files in $work.
check() {
  local name=$1 started=$SECONDS
  shift
  (
    set -e
    "$@"
  ) > "$work/check.txt" 2>&1
  # shellcheck disable=SC2181 # As the condition of an `if`, the subshell would continue after a failing line.
  if [ $? = 0 ]; then
    passed=$((passed + 1))
    echo "ok: $name ($((SECONDS - started)) s)"
  else
    failed=$((failed + 1))
    echo "failed: $name ($((SECONDS - started)) s)"
    sed 's/^/    /' "$work/check.txt"
    return 1
  fi
}
