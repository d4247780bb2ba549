#!/bin/sh
# Give the tests Prometheus and promtool: those this host has, else the ones of Debian's package, under .lab/prometheus.
#
# The package is unpacked and not installed, because installed it would start a server on this host.
set -eu

cd "$(dirname "$0")/../.."
place=.lab/prometheus
PATH="$PATH:$PWD/$place"

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    echo "the tests have what they need: $(promtool --version 2>&1 | head -n 1)"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "cannot get prometheus: this is neither Debian nor Ubuntu; put prometheus and promtool on the PATH" >&2
    exit 1
fi

mkdir -p "$place"
unpacked=$(mktemp -d "$PWD/$place/XXXXXX")
trap 'rm -rf "$unpacked"' EXIT
fetch() {
    (cd "$unpacked" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download prometheus)
}
if ! fetch 2>/dev/null; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "cannot download the package prometheus: run this as root, or apt-get update first" >&2
        exit 1
    fi
    apt-get update -qq
    fetch
fi
dpkg-deb --fsys-tarfile "$unpacked"/prometheus_*.deb | tar -x -C "$unpacked" ./usr/bin/prometheus ./usr/bin/promtool
mv "$unpacked"/usr/bin/prometheus "$unpacked"/usr/bin/promtool "$place"
echo "unpacked $("$place/promtool" --version 2>&1 | head -n 1)"
