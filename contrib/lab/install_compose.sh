#!/bin/sh
# Give the benchmarks Docker Compose v2: the plugin this host has, else the program of Debian 13's package, under
# .lab/compose. Ends with 1 where there is none to be had.
#
# The package is unpacked and not installed, and the index of Debian 13 is kept apart from this host's own.
set -eu

cd "$(dirname "$0")/../.."
place=$PWD/.lab/compose
program=$place/docker-compose

if [ -x "$program" ]; then
    echo "the benchmarks have what they need: $("$program" version)"
    exit 0
fi
for plugins in /usr/libexec/docker /usr/lib/docker /usr/local/lib/docker /usr/local/libexec/docker; do
    if [ -x "$plugins/cli-plugins/docker-compose" ]; then
        mkdir -p "$place"
        ln -s "$plugins/cli-plugins/docker-compose" "$program"
        echo "the benchmarks have what they need: $("$program" version)"
        exit 0
    fi
done
if ! command -v apt-get >/dev/null || [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    echo "cannot get docker-compose: this is not Debian; install Docker's compose plugin" >&2
    exit 1
fi

# shellcheck disable=SC2016 # apt's own words, not the shell's
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    grep -v security | grep -m 1 'debian/*$' || true)
if [ -z "$mirror" ]; then
    echo "cannot get docker-compose: none of this host's package sources is a mirror of Debian" >&2
    exit 1
fi
mkdir -p "$place"
apart=$(mktemp -d "$place/XXXXXX")
trap 'rm -rf "$apart"' EXIT
mkdir -p "$apart/lists/partial" "$apart/cache/archives/partial"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$apart/sources.list"
cat >"$apart/apt.conf" <<EOF
Dir::Etc::SourceList "$apart/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::State::Lists "$apart/lists";
Dir::Cache "$apart/cache";
APT::Sandbox::User "$(id -un)";
EOF
APT_CONFIG=$apart/apt.conf
export APT_CONFIG
apt-get update -qq
(cd "$apart" && apt-get -qq download docker-compose)
dpkg-deb --fsys-tarfile "$apart"/docker-compose_*.deb |
    tar -x -C "$apart" --wildcards '*/cli-plugins/docker-compose'
find "$apart" -path '*/cli-plugins/docker-compose' -exec mv {} "$program" \;
echo "unpacked $("$program" version)"
