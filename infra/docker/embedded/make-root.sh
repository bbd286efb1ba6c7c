#!/bin/sh
# make-root.sh DIRECTORY PACKAGES: copies, from the image in which this script runs, everything that the application
# needs: Node, the libraries that Node and native modules need, the package data that scanners read, and the user. It
# does not copy a shell or a package manager.
set -eu
image=$1
natives=$(find "$2" -name '*.node')
node=/usr/local/bin/node

mkdir -p "$image/etc" "$image/var/lib/dpkg" "$image/data"
cp --parents "$node" "$image"
libraries=$(for program in $node $natives; do ldd "$program"; done | grep -o '=> /[^ ]*\|^\s*/[^ :]* (' | grep -o '/[^ ]*' | sort -u)
for library in $libraries; do cp --parents --dereference "$library" "$image"; done

# Debian lists some libraries by their path below /usr, and others by a path through a link such as /lib.
owner() { dpkg-query --search "$1" 2> /dev/null || dpkg-query --search "/usr$1"; }
for library in $libraries; do owner "$library"; done | cut -d : -f 1 | sort -u > /packages
cp --dereference /etc/os-release "$image/etc/os-release"
xargs dpkg-query --status base-files < /packages > "$image/var/lib/dpkg/status"
for licence in /usr/local/LICENSE $(sed 's|.*|/usr/share/doc/&/copyright|' /packages); do
  [ ! -f "$licence" ] || cp --parents "$licence" "$image"
done

echo 'orders:x:1654:1654::/data:/sbin/nologin' > "$image/etc/passwd"
echo 'orders:x:1654:' > "$image/etc/group"
# A new volume gets the same owner as this directory.
chown 1654:1654 "$image/data"
