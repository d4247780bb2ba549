#!/bin/sh
# Make .venv from the lock, with whatever Python 3.11 or newer this machine has, or can get.
#
# Does nothing when neither the lock nor what pyproject.toml says of the project has changed since the last time.
set -eu

cd "$(dirname "$0")/../.."
stamp=.venv/.made-from
wanted=$({ sed '/^\[tool\./,$d' pyproject.toml; cat requirements.lock; } | sha256sum | cut -d' ' -f1)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

suitable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && suitable "$name"; then
            command -v "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "cannot make a virtual environment: Python 3.11 or newer with its venv module is needed" >&2
        exit 1
    fi
    echo "installing Python's venv module"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
    python=$(find_python)
    if [ -z "$python" ]; then
        apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv >/dev/null
        python=$(find_python)
    fi
fi

echo "making .venv with $("$python" --version)"
rm -rf .venv
"$python" -m venv .venv
.venv/bin/pip --quiet --quiet --disable-pip-version-check install --require-hashes -r requirements.lock
.venv/bin/pip --quiet --quiet --disable-pip-version-check install --no-deps --editable .
echo "$wanted" >"$stamp"
