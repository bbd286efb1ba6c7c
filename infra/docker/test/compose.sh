# shellcheck shell=bash
# The checks of the compose stack. Sourced by infra/docker/test.sh.
