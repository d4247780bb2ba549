#!/bin/sh
# Give the benchmarks paunch 7.0.4, in an environment of its own under .lab/paunch.
set -eu

cd "$(dirname "$0")/../.."
version=7.0.4
place=.lab/paunch

if [ "$("$place/bin/paunch" --version 2>/dev/null)" = "paunch $version" ]; then
    echo "the benchmarks have what they need: paunch $version"
    exit 0
fi
contrib/lab/setup_venv.sh
python=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
rm -rf "$place"
"$python" -m venv "$place"
if ! "$place/bin/pip" --quiet --quiet --disable-pip-version-check install "paunch==$version"; then
    rm -rf "$place"
    echo "cannot install paunch $version" >&2
    exit 1
fi
echo "installed $("$place/bin/paunch" --version)"
