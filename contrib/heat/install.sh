#!/bin/sh
# Install the hook and its prune script where Heat's agents find them: install.sh [ROOT]
#
# ROOT stands before every path: a directory in which an image is being made, or nothing for this host.
# It says what it has installed; to uninstall, remove that. No container and no definition is touched either way.
set -eu

root=${1:-}
case $root in
-*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
source=$(cd "$(dirname "$0")" && pwd)
home=$root/usr/libexec/paunchd-heat
hook=$root/usr/libexec/heat-config/hooks/paunchd
prune=$root/usr/libexec/os-refresh-config/configure.d/50-heat-config-paunchd

install -d -m 755 "$home" "${hook%/*}" "${prune%/*}"
install -m 755 "$source/hook-paunchd" "$source/50-heat-config-paunchd" "$home"
install -m 644 "$source/paunchd_heat.py" "$source/paunchd_text.py" "$home"
ln -sf ../../paunchd-heat/hook-paunchd "$hook"
ln -sf ../../paunchd-heat/50-heat-config-paunchd "$prune"
printf 'installed %s\n' "$home" "$hook" "$prune"
printf 'to uninstall: rm -r %s %s %s\n' "$home" "$hook" "$prune"
