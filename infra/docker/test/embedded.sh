# shellcheck shell=bash
# The checks of the one-container image. Sourced by infra/docker/test.sh.
# shellcheck disable=SC2154
image=$prefix-embedded

build_embedded() {
  docker build --quiet --build-arg "BUILD_IMAGE=$(cat "$work/base-node")" \
    --file infra/docker/embedded/Dockerfile --tag "$image" .
}

check 'the one-container image builds' build_embedded

build_loadtest() {
  docker build --quiet --build-arg "BUILD_IMAGE=$(cat "$work/base-node")" \
    --file loadtest/Dockerfile --tag "$prefix-loadtest" .
  docker run --rm "$prefix-loadtest" --help
}
check "the load test's image starts" build_loadtest
