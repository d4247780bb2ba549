#!/bin/sh
# Install the hook and its prune script where Heat's agents find them: install.sh [ROOT]
#
# ROOT stands before every path: a directory in which an image is being made, or nothing for this host.
set -eu

root=${1:-}
source=$(cd "$(dirname "$0")" && pwd)
home=/usr/libexec/paunchd-heat
hooks=/usr/libexec/heat-config/hooks
configure=/usr/libexec/os-refresh-config/configure.d

install -d -m 755 "$root$home" "$root$hooks" "$root$configure"
install -m 755 "$source/hook-paunchd" "$source/50-heat-config-paunchd" "$root$home"
install -m 644 "$source/paunchd_heat.py" "$source/paunchd_text.py" "$root$home"
ln -sf ../../paunchd-heat/hook-paunchd "$root$hooks/paunchd"
ln -sf ../../paunchd-heat/50-heat-config-paunchd "$root$configure/50-heat-config-paunchd"
