#!/bin/sh
# Give the tests Heat's agents as a node of a cloud has them, in an environment of their own under .lab/heat-agents.
#
# heat-config's scripts come with no package: they are taken out of the source distribution of heat-agents.
set -eu

cd "$(dirname "$0")/../.."
place=.lab/heat-agents
agents="os-collect-config==14.1.0 os-apply-config==14.1.0 os-refresh-config==14.1.0 dib-utils==0.0.11"
scripts=heat-agents==13.0.0
stamp="$place/.made-of"

if [ "$(cat "$stamp" 2>/dev/null)" = "$agents $scripts" ]; then
    echo "the tests have what they need: $agents"
    exit 0
fi
rm -rf "$place"
mkdir -p "$place/source"
.venv/bin/python -m venv "$place/venv"
pip="$place/venv/bin/pip --quiet --quiet --disable-pip-version-check"
# shellcheck disable=SC2086 # both are lists of words
$pip install $agents
$pip download --no-deps --no-binary heat-agents --dest "$place/source" "$scripts"
tar -x -z -C "$place/source" --strip-components 1 -f "$place"/source/heat*agents*.tar.gz
install -m 755 "$place/source/heat-config/bin/heat-config-notify" "$place/venv/bin"
echo "$agents $scripts" >"$stamp"
echo "installed $agents, $scripts"
