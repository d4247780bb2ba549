#!/bin/sh
# Make .lab/debian.tar: the smallest Debian of this host's release, for images where no registry is.
#
# It has this host's package sources and its ways to them, and the certificate authorities that this host trusts. Made
# once; `make clean` takes it away.
set -eu

cd "$(dirname "$0")/../.."
made=.lab/debian.tar
if [ -f "$made" ]; then
    echo "the lab has its Debian: $made"
    exit 0
fi

fail() {
    echo "cannot make $made: $1" >&2
    exit 1
}
[ "$(id -u)" -eq 0 ] || fail "run this as root"
# shellcheck source=/dev/null
. /etc/os-release
[ "$ID" = debian ] || fail "this is $PRETTY_NAME, and it takes Debian to make one"

export DEBIAN_FRONTEND=noninteractive
if ! command -v debootstrap >/dev/null || [ ! -f /etc/ssl/certs/ca-certificates.crt ]; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends debootstrap ca-certificates >/dev/null
fi
sources=$(apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) main" 'Created-By: Packages' 'Component: main')
mirror=$(echo "$sources" | awk -v suite="$VERSION_CODENAME" '$2 == suite { print $1; exit }')
[ -n "$mirror" ] || fail "no package source for $VERSION_CODENAME is set up here"

mkdir -p .lab
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
echo "making $made: Debian $VERSION_CODENAME"
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror" >"$root.log" 2>&1 ||
    fail "$(tail -n 3 "$root.log"; rm -f "$root.log")"
rm -f "$root.log"
echo "$sources" | sed 's/^/deb /' >"$root/etc/apt/sources.list"
apt-config dump | grep '^Acquire::' | grep -v ::IndexTargets >"$root/etc/apt/apt.conf.d/90host"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/authorities.crt"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
tar --numeric-owner -C "$root" -cf "$made.part" .
mv "$made.part" "$made"
