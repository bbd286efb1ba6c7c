#!/bin/sh
# fill-compile-cache.sh DIRECTORY COMMAND…: starts the product once with the command that the image runs, and stops it.
# Node then writes its compile cache, so that at later starts it neither strips types nor parses. Node finds the
# cache by version, flags, user and path, so all of these must be the same as in the image.
set -eu
export NODE_COMPILE_CACHE="$1" DATA_DIR=/tmp/data
shift
"$@" > /tmp/output &
until grep --quiet 'http://' /tmp/output; do
  kill -0 $!
  sleep 0.1
done
kill -TERM $!
wait $!
chmod -R a+rX "$NODE_COMPILE_CACHE"
