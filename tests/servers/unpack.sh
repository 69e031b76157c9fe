#!/usr/bin/env bash
# Unpacks newer database servers than the system's own into a folder, for the tests. Installs nothing.
set -euo pipefail

usage() {
    cat <<'END'
Usage: tests/servers/unpack.sh FOLDER

Downloads MySQL and PostgreSQL 18 with everything they need from Debian unstable (about 100 MB), unpacks them below
FOLDER, with each program in FOLDER/bin. The system is not changed: apt works on lists, a cache
and an empty package status below FOLDER. Needs a Debian or Ubuntu machine; the mirror is the system's own, or
CACHALOT_DEBIAN_MIRROR. A FOLDER that is complete already is left as it is.

The tests use the servers when CACHALOT_TEST_MYSQL_HOME or CACHALOT_TEST_POSTGRES_HOME is FOLDER.
END
}

case ${1:-} in
    --help) usage; exit 0 ;;
    '' | -*) usage >&2; exit 2 ;;
esac
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=$folder/root
bin=$folder/bin
complete=$folder/complete
[ -e "$complete" ] && exit 0

for program in apt-get dpkg; do
    if ! command -v $program >/dev/null; then
        echo "unpack.sh: needs $program, so it works on Debian and Ubuntu only" >&2
        exit 1
    fi
done

packages=(mysql-server-core mysql-client-core postgresql-18)
architecture=$(dpkg --print-architecture)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that the system uses for Debian, so that this works where only a mirror is reachable.
mirror() {
    if [ -n "${CACHALOT_DEBIAN_MIRROR:-}" ]; then
        echo "$CACHALOT_DEBIAN_MIRROR"
        return
    fi
    local own
    own=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E '/debian/?$' | head -n 1) || true
    echo "${own:-http://deb.debian.org/debian}"
}

if [ ! -r "$keyring" ]; then
    echo "unpack.sh: $keyring is missing; as root, run: apt-get install debian-archive-keyring" >&2
    exit 1
fi

apt=$folder/apt
mkdir -p "$apt"/{lists/partial,archives/partial,parts}
# Without an installed package apt downloads the C library and everything else as well.
: >"$apt/status"
echo "deb [signed-by=$keyring arch=$architecture] $(mirror) unstable main" >"$apt/sources.list"
options=(
    -q
    -o "Dir::Etc::SourceList=$apt/sources.list"
    -o "Dir::Etc::SourceParts=$apt/parts"
    -o "Dir::Etc::Preferences=/dev/null"
    -o "Dir::Etc::PreferencesParts=$apt/parts"
    -o "Dir::State=$apt"
    -o "Dir::State::Lists=$apt/lists"
    -o "Dir::State::status=$apt/status"
    -o "Dir::Cache=$apt"
    -o "Dir::Cache::Archives=$apt/archives"
    -o "APT::Architecture=$architecture"
    -o "APT::Sandbox::User=root"
    -o "Debug::NoLocking=true"
)
apt-get "${options[@]}" update
apt-get "${options[@]}" -y -d --no-install-recommends install "${packages[@]}"

mkdir -p "$root" "$bin"
for package in "$apt"/archives/*.deb; do
    dpkg -x "$package" "$root"
done

# Newer Debian packages rely on /lib and /bin being links into /usr.
for name in lib lib64 bin sbin; do
    if [ -d "$root/$name" ] && [ ! -L "$root/$name" ]; then
        mkdir -p "$root/usr/$name"
        cp -a "$root/$name/." "$root/usr/$name/"
        rm -rf "${root:?}/$name"
    fi
    [ -e "$root/$name" ] || ln -s "usr/$name" "$root/$name"
done

loader=$(find "$root/usr/lib64" "$root/usr/lib" -name 'ld-linux*.so.*' 2>/dev/null | head -n 1)
if [ -z "$loader" ]; then
    echo "unpack.sh: no dynamic loader for $architecture was unpacked" >&2
    exit 1
fi
libraries=$(find "$root/usr/lib" -name '*.so*' -printf '%h\n' | grep -v -e /postgresql/18/lib/ -e /plugin -e /gconv | sort -u | paste -sd :)

# Replaces a program by a script that runs it through the unpacked loader. PostgreSQL's programs find each other and their
# files by the path in argument 0, so the script takes the program's own place.
start_script() { # PROGRAM
    mv "$1" "$1.program"
    cat >"$1" <<END
#!/bin/sh
exec '$loader' --library-path '$libraries' --argv0 '$1' '$1.program' "\$@"
END
    chmod 755 "$1"
}

postgres=$root/usr/lib/postgresql/18/bin
for program in "$root/usr/sbin/mysqld" "$root/usr/bin/mysql" "$postgres"/*; do
    start_script "$program"
    ln -sf "$program" "$bin/$(basename "$program")"
done

rm -rf "$apt"
touch "$complete"
echo "unpack.sh: $("$bin/mysqld" --no-defaults --version)"
echo "unpack.sh: $("$bin/postgres" --version)"
