#!/usr/bin/env bash
# Checks the whole project: formatting, lints, documentation, tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'END'
Usage: ./test.sh [--use-running]

Checks the project: cargo fmt, clippy, doc, and last the tests on SQLite, PostgreSQL and MariaDB
with memcached. The tests start servers of their own and remove them again; they need the programs,
not the services. What is missing is installed with apt-get on Debian and Ubuntu.

  --use-running  use servers that run already, and need none of their programs but memcached, which
                 some tests stop and freeze. Set
                   CACHALOT_TEST_POSTGRES_URL   postgres://user:password@host:port
                   CACHALOT_TEST_MYSQL_URL      mysql://user:password@host:port
                   CACHALOT_TEST_MEMCACHED_URL  memcache://host:port
                 whose users may create databases; each test makes one and drops it. One that is
                 not set is started as usual. After `docker compose up --wait` they are
                   CACHALOT_TEST_POSTGRES_URL=postgres://postgres:cachalot@127.0.0.1:5432
                   CACHALOT_TEST_MYSQL_URL=mysql://root:cachalot@127.0.0.1:3306
                   CACHALOT_TEST_MEMCACHED_URL=memcache://127.0.0.1:11211
                 Tests of servers that lag behind another are left out then.
  --help         show this text
END
}

use_running=false
for option in "$@"; do
    case $option in
        --use-running) use_running=true ;;
        --help) usage; exit 0 ;;
        *) echo "test.sh: unknown option: $option" >&2; usage >&2; exit 2 ;;
    esac
done

say() { printf '\n==> %s\n' "$*"; }

has() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null; }

has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# Whether the tests start this server themselves.
starts() { ! $use_running || [ -z "${!1:-}" ]; }

if ! $use_running; then
    unset CACHALOT_TEST_POSTGRES_URL CACHALOT_TEST_MYSQL_URL CACHALOT_TEST_MEMCACHED_URL
fi

missing=()
need() { # PACKAGE WHY
    missing+=("$1")
    reasons+="    $1: $2"$'\n'
}
reasons=
has cc || need build-essential "compiles SQLite and links"
has pkg-config || need pkg-config "finds the client libraries"
has pg_config || need libpq-dev "PostgreSQL's client library"
if ! has pkg-config || ! { pkg-config --exists mysqlclient || pkg-config --exists libmariadb; }; then
    need libmariadb-dev "MariaDB's client library"
fi
has memcached || need memcached "the cache"
if starts CACHALOT_TEST_POSTGRES_URL && ! has_postgres; then
    need postgresql "a database to test with"
fi
if starts CACHALOT_TEST_MYSQL_URL && ! { has mariadbd && has mariadb-install-db; }; then
    need mariadb-server "a database to test with"
fi

# Installs packages without letting them start their services.
install() {
    local as_root=() policy=/usr/sbin/policy-rc.d
    if ! has apt-get; then
        echo "test.sh: these are missing, and there is no apt-get to install them: $*" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! has sudo; then
            echo "test.sh: as root, run: apt-get install $*" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
        -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update

    # Debian's way to say that nothing may be started; what an administrator said already stays.
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
        # shellcheck disable=SC2064 # the words of now
        trap "${as_root[*]} rm -f $policy" EXIT
        "${as_root[@]}" chmod 755 $policy
    fi
    # Nor is a database cluster wanted.
    local clusters=/etc/postgresql-common/createcluster.conf
    if [[ " $* " == *" postgresql "* ]] && [ ! -e $clusters ]; then
        "${as_root[@]}" mkdir -p "${clusters%/*}"
        echo 'create_main_cluster = false' | "${as_root[@]}" tee $clusters >/dev/null
    fi
    "${apt[@]}" install --no-install-recommends "$@"
}

if [ ${#missing[@]} -gt 0 ]; then
    say "Installing what is missing, without starting any service:"
    printf '%s' "$reasons"
    install "${missing[@]}"
fi

# What is compiled once only gains nothing from being prepared for the next time.
if [ -n "${CI:-}" ]; then
    export CARGO_INCREMENTAL=0
fi

say "cargo fmt"
cargo fmt --all --check

say "cargo clippy"
cargo clippy --workspace --all-targets --all-features -- -D warnings

say "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# Last, so that the output ends with the count of the tests.
say "cargo test"
cargo test --workspace --all-features
