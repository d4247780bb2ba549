#!/bin/sh
# Give this host what the lab needs: dockerd with runc, and a static BusyBox to make images of.
#
# Installs only what is missing, and only on Debian and Ubuntu. There the package also starts the system's own docker
# service; that is left alone (the lab starts a private engine and never talks to it), and a running one is neither
# restarted nor upgraded, because a package that is already there is not installed again.
set -eu

missing=""
PATH="$PATH:/usr/sbin:/sbin"

if ! command -v dockerd >/dev/null || ! command -v runc >/dev/null; then missing="docker.io"; fi

static_busybox() {
    for name in busybox-static busybox; do
        path=$(command -v "$name") || continue
        grep -q /ld-linux "$path" || return 0
    done
    return 1
}
static_busybox || missing="$missing busybox-static"

if [ -z "$missing" ]; then
    echo "the lab has what it needs: $(dockerd --version)"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "cannot install $missing: run this as root" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "cannot install $missing: this is neither Debian nor Ubuntu; install dockerd, runc and a static busybox" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # two words where both are missing
apt-get install -y -qq --no-install-recommends $missing
echo "installed $missing"
