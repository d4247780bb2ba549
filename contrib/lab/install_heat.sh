#!/bin/sh
# Make .lab/heat: a virtual environment with Heat itself, whose parser judges the templates. Made once.
#
# Heat's dependencies and the program's would clash in one environment.
set -eu

cd "$(dirname "$0")/../.."
release=openstack-heat==27.0.1
place=.lab/heat
if [ -f "$place/made-of" ] && [ "$(cat "$place/made-of")" = "$release" ]; then
    echo "the tests have Heat: $release"
    exit 0
fi
rm -rf "$place"
mkdir -p .lab
.venv/bin/python -m venv "$place"
"$place/bin/pip" --quiet --disable-pip-version-check install "$release"
echo "$release" >"$place/made-of"
echo "installed $release"
