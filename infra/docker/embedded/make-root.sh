#!/bin/sh
# make-root.sh DIRECTORY PACKAGES: everything below the application, taken from the image that this runs in: Node, the
# libraries that it and the native parts of packages ask for, what scanners read to know their versions, and the user. No
# shell and no package manager.
set -eu
image=$1
natives=$(find "$2" -name '*.node')
node=/usr/local/bin/node

mkdir -p "$image/etc" "$image/var/lib/dpkg" "$image/data"
cp --parents "$node" "$image"
libraries=$(for program in $node $natives; do ldd "$program"; done | grep -o '=> /[^ ]*\|^\s*/[^ :]* (' | grep -o '/[^ ]*' | sort -u)
for library in $libraries; do cp --parents --dereference "$library" "$image"; done

# Debian knows some by their path below /usr, some by the link to it.
owner() { dpkg-query --search "$1" 2> /dev/null || dpkg-query --search "/usr$1"; }
for library in $libraries; do owner "$library"; done | cut -d : -f 1 | sort -u > /packages
cp --dereference /etc/os-release "$image/etc/os-release"
xargs dpkg-query --status base-files < /packages > "$image/var/lib/dpkg/status"
for licence in /usr/local/LICENSE $(sed 's|.*|/usr/share/doc/&/copyright|' /packages); do
  [ ! -f "$licence" ] || cp --parents "$licence" "$image"
done

echo 'orders:x:1654:1654::/data:/sbin/nologin' > "$image/etc/passwd"
echo 'orders:x:1654:' > "$image/etc/group"
# A new volume gets its owner from here.
chown 1654:1654 "$image/data"
