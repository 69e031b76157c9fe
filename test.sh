#!/usr/bin/env bash
# Runs everything that has to pass: format, lints, documentation, all tests on all databases.
#
# On Debian and Ubuntu it first installs what the tests need and the machine lacks. The tests start
# servers of their own on free loopback ports; with --use-running they use those that
# CACHALOT_TEST_POSTGRES_URL, CACHALOT_TEST_MYSQL_URL and CACHALOT_TEST_MEMCACHED_URL name.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
    cat <<'END'
usage: ./test.sh [--use-running] [--help]

  --use-running   use the servers that these variables name, instead of starting some:
                  CACHALOT_TEST_POSTGRES_URL   postgres://postgres@127.0.0.1:5432
                  CACHALOT_TEST_MYSQL_URL      mysql://root@127.0.0.1:3306
                  CACHALOT_TEST_MEMCACHED_URL  memcache://127.0.0.1:11211
END
}

use_running=false
for argument in "$@"; do
    case $argument in
        --use-running) use_running=true ;;
        --help | -h) usage && exit 0 ;;
        *) printf 'test.sh: unknown option: %s\n' "$argument" >&2 && usage >&2 && exit 2 ;;
    esac
done

say() { printf '\n== %s\n' "$*"; }

# Is there a program of that name, also where Debian hides servers?
program() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] ||
        compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

library() { command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1"; }

missing=()
need() { # package, what for
    missing+=("$1")
    printf 'missing: %-18s %s\n' "$1" "$2"
}

command -v cargo >/dev/null 2>&1 || {
    echo 'test.sh: cargo is missing; install Rust from https://rustup.rs' >&2
    exit 1
}
command -v cc >/dev/null 2>&1 || need gcc 'compiles SQLite and links the tests'
command -v pkg-config >/dev/null 2>&1 || need pkg-config 'finds the client libraries'
library libpq || need libpq-dev "PostgreSQL's client library, which Diesel links"
library libmariadb || library mysqlclient || need libmariadb-dev "MariaDB's client library, which Diesel links"
if $use_running; then
    : "${CACHALOT_TEST_POSTGRES_URL:?set it for --use-running, see ./test.sh --help}"
    : "${CACHALOT_TEST_MYSQL_URL:?set it for --use-running, see ./test.sh --help}"
    : "${CACHALOT_TEST_MEMCACHED_URL:?set it for --use-running, see ./test.sh --help}"
else
    unset CACHALOT_TEST_POSTGRES_URL CACHALOT_TEST_MYSQL_URL CACHALOT_TEST_MEMCACHED_URL
    program postgres || need postgresql 'the server of the PostgreSQL tests'
    program mariadbd || need mariadb-server 'the server of the MariaDB tests'
fi
# Also with --use-running: some tests stop, freeze and fill a memcached of their own.
program memcached || need memcached 'the cache that the tests fill, stop and freeze'

if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            echo "test.sh: run this as root, then again: apt-get install ${missing[*]}" >&2
            exit 1
        }
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null 2>&1 || {
        echo "test.sh: no apt-get here; install these by hand: ${missing[*]}" >&2
        exit 1
    }
    say "installing ${missing[*]}"
    # The packages start their services; the tests want none of them. Whoever has a policy keeps it.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        "${as_root[@]}" sh -c "printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

say 'format'
cargo fmt --all -- --check

say 'lints'
cargo clippy --workspace --all-targets --all-features -- -D warnings

say 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features

say 'tests'
cargo test --workspace --all-features
