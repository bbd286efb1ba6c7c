# shellcheck shell=bash
# Provides the engine for infra/docker/test.sh, and removes everything that the checks leave there. This file is
# sourced; test.sh sets `prefix` and `work`.
# shellcheck disable=SC2154

# Prefers Debian's client, because a newer client earlier on the PATH may lack the build plugin.
choose_client() {
  DOCKER=/usr/bin/docker
  [ -x "$DOCKER" ] || DOCKER=$(type -P docker) || DOCKER=/usr/bin/docker
}
choose_client
docker() { DOCKER_BUILDKIT=1 "$DOCKER" "$@"; }

# Starts an engine and sets DOCKER_HOST if no engine answers. Must not run in a subshell.
start_engine() {
  docker info > /dev/null 2>&1 && return
  { type -P dockerd && [ -x "$DOCKER" ]; } > /dev/null || install docker.io containerd runc iptables || return
  choose_client
  # If the system starts services on installation, the engine is running by now.
  docker info > /dev/null 2>&1 && return
  mkdir -p "$work/engine"
  # These limits are enough for every container in the checks. If the engine itself runs in a container, its defaults
  # may exceed that container's limits, and then nothing starts.
  cat > "$work/engine/daemon.json" << JSON
{
  "data-root": "$work/engine/data",
  "exec-root": "$work/engine/exec",
  "pidfile": "$work/engine/pid",
  "hosts": ["unix://$work/engine/docker.sock"],
  "default-ulimits": {
    "nofile": { "Name": "nofile", "Hard": 4096, "Soft": 4096 },
    "nproc": { "Name": "nproc", "Hard": 4096, "Soft": 4096 }
  }
}
JSON
  setsid dockerd --config-file "$work/engine/daemon.json" > "$work/engine/log" 2>&1 &
  export DOCKER_HOST=unix://$work/engine/docker.sock
  within 60 docker info > /dev/null 2>&1 || tail -n 20 "$work/engine/log"
}

engine_answers() { docker version --format 'Docker Engine {{.Server.Version}}'; }

stop_engine() {
  [ -f "$work/engine/pid" ] || return 0
  local pid
  pid=$(cat "$work/engine/pid")
  kill "$pid"
  within 60 ended "$pid"
}
ended() { ! kill -0 "$1" 2> /dev/null; }

# Removes the containers, volumes, networks and images of this run.
remove_all() {
  local kept=''
  [ "${KEEP_BASES:-}" != 1 ] || kept=$prefix-base
  {
    docker ps --all --quiet --filter "name=^$prefix-" | xargs -r "$DOCKER" rm --force --volumes
    docker volume ls --quiet --filter "name=^$prefix-" | xargs -r "$DOCKER" volume rm --force
    docker network ls --quiet --filter "name=^$prefix-" | xargs -r "$DOCKER" network rm
    docker images --format '{{.Repository}}:{{.Tag}}' | grep "^$prefix-" | grep -v "^${kept:-nothing}" | xargs -r "$DOCKER" rmi --force
  } > /dev/null 2>&1
}

# Installs Debian packages.
install() {
  as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
