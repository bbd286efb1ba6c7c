#!/usr/bin/env bash
# Tests the images and the compose stack on a real container engine. Prints a line for each check, then the number that
# passed. Exits with 1 if a check failed or no engine is available.
#
#   bash infra/docker/test.sh [part…]      needs Linux; as root it installs and starts an engine of its own
#
# Uses the engine that `docker info` finds (DOCKER_HOST), otherwise starts one in a temporary directory. If the public
# image registries are unreachable, base images are built from Debian and npm packages (test/bases.sh). The names of all
# images, containers, volumes and networks begin with TEST_PREFIX, and all of them are removed at the end; KEEP_BASES=1
# keeps the base images for the next run.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

prefix=${TEST_PREFIX:-orders-test-$$}
work=$(mktemp -d)
# shellcheck source=tests/support/check.sh
. tests/support/check.sh

# no COMMAND…: fails if the command succeeds. With a bare `!` instead, the script would continue despite `set -e`.
no() { if "$@"; then return 1; fi; }

# within SECONDS COMMAND…: repeats the command until it succeeds.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$until" ]; then
      echo "not in time: $*" >&2
      return 1
    fi
    sleep 0.2
  done
}

# shellcheck source=infra/docker/test/engine.sh
. infra/docker/test/engine.sh
# shellcheck source=infra/docker/test/bases.sh
. infra/docker/test/bases.sh

clean_up() {
  trap '' INT TERM
  remove_all
  stop_engine
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start_engine
# Never write `check … || …`, because `set -e` does not apply inside a list like that.
check 'an engine runs' engine_answers
check 'the bases are there' make_bases
[ "$failed" = 0 ] || exit 1

# The parts of the test are the files in test/ that contain checks.
parts=("$@")
[ $# -gt 0 ] || mapfile -t parts < <(grep -l '^check ' infra/docker/test/*.sh | xargs -n 1 basename --suffix .sh)
for part in "${parts[@]}"; do
  [ -f "infra/docker/test/$part.sh" ] || {
    echo "there are no checks for $part" >&2
    exit 2
  }
  # shellcheck source=/dev/null
  . "infra/docker/test/$part.sh"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
