# shellcheck shell=bash
# Checks of a script that sources this: a line for each, and how many passed and failed. The script has a directory `work`.
# shellcheck disable=SC2154
passed=0
failed=0

# check NAME COMMAND…: runs the command in a subshell in which the first failing line fails it, and shows its output then.
# What a check leaves for later ones goes to files in $work.
check() {
  local name=$1 started=$SECONDS
  shift
  (
    set -e
    "$@"
  ) > "$work/check.txt" 2>&1
  # shellcheck disable=SC2181 # As the condition of an `if` the subshell would go on after a line that fails.
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
