#!/bin/sh
# Give the tests a browser: Chromium, as this host has it or as Debian's package brings it.
set -eu

for name in chromium chromium-browser; do
    if command -v "$name" >/dev/null; then
        echo "the tests have what they need: $(command -v "$name")"
        exit 0
    fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "cannot install chromium: run this as root on Debian, or put chromium on the PATH" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
echo "installed chromium"
