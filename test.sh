#!/usr/bin/env bash
# Checks the whole project: formatting, lints, features, versions, documentation, tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'END'
Usage: ./test.sh [--system-servers] [--use-running]

Checks the project: cargo fmt, clippy, each feature by itself, the oldest versions of what it depends
on, the oldest Rust, the public API against the last release, cargo doc, the database tests on MySQL and
PostgreSQL 18, and last all tests on SQLite and the system's PostgreSQL and MariaDB, with memcached. If a
program that a check needs is missing, the script says so and skips the check. The tests start servers of
their own and remove them again; they need the programs, not the services. Missing packages are installed
with apt-get on Debian and Ubuntu.

CACHALOT_TEST_MYSQL_HOME and CACHALOT_TEST_POSTGRES_HOME name folders with the programs of MySQL and
PostgreSQL 18. Without them the system's mysqld is used if it is MySQL 8.4 or later, and
tests/servers/unpack.sh downloads what is missing into target/servers (100 MB, once). If a server was not
tested, the last lines of the output say so.

  --system-servers  test on MySQL and PostgreSQL 18 only where a folder is named; downloads nothing
  --use-running     use servers that run already, and need none of their programs but memcached, which
                    some tests stop and freeze. Set
                      CACHALOT_TEST_POSTGRES_URL   postgres://user:password@host:port
                      CACHALOT_TEST_MYSQL_URL      mysql://user:password@host:port
                      CACHALOT_TEST_MEMCACHED_URL  memcache://host:port
                    whose users may create databases; each test makes one and drops it. One that is
                    not set is started as usual. After `docker compose up --wait` they are
                      CACHALOT_TEST_POSTGRES_URL=postgres://postgres:cachalot@127.0.0.1:5432
                      CACHALOT_TEST_MYSQL_URL=mysql://root:cachalot@127.0.0.1:3306
                      CACHALOT_TEST_MEMCACHED_URL=memcache://127.0.0.1:11211
                    Tests of replicas are skipped then. Implies --system-servers.
  --help            show this text
END
}

use_running=false
system_servers=false
for option in "$@"; do
    case $option in
        --use-running) use_running=true system_servers=true ;;
        --system-servers) system_servers=true ;;
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
if ! $system_servers && has apt-get && [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    need debian-archive-keyring "verifies what tests/servers/unpack.sh downloads"
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
    (install "${missing[@]}")
fi

# What is compiled once only gains nothing from being prepared for the next time.
if [ -n "${CI:-}" ]; then
    export CARGO_INCREMENTAL=0
fi

# The tests mostly wait for their servers.
processors=$(nproc)
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((processors < 8 ? 8 : processors))}

say "cargo fmt"
cargo fmt --all --check
# It does not find the modules that a macro lists.
find tests -name '*.rs' -exec rustfmt --check {} +

say "cargo clippy"
cargo clippy --workspace --all-targets --all-features -- -D warnings

# The features of a crate, from its manifest.
features() { # CRATE
    awk '/^\[/ { on = $0 == "[features]"; next }
         on && $1 != "default" && $2 == "=" { print $1 }' "$1/Cargo.toml"
}

minimal=${CARGO_TARGET_DIR:-target}/minimal-versions
# A copy of the published crates' manifests with links to the rest: its lock file is not the project's.
copy_published() {
    local crate file
    rm -rf "$minimal"
    mkdir -p "$minimal"
    sed '/^members = \[/,/^\]/ { /^    "/ { /^    "cachalot-/!d } }' Cargo.toml >"$minimal/Cargo.toml"
    ln -s "$PWD/README.md" "$PWD/docs" "$PWD/fuzz" "$minimal"
    for crate in $(sed -n 's/^    "\(cachalot-[a-z]*\)",$/\1/p' Cargo.toml); do
        mkdir "$minimal/$crate"
        for file in "$crate"/*; do
            ln -s "$PWD/$file" "$minimal/$crate"
        done
        rm "$minimal/$crate/Cargo.toml"
        # The tests' crate is not in the copy, and its dependencies need not be old.
        awk '/^\[/ { dev = $0 == "[dev-dependencies]" } !dev' "$crate/Cargo.toml" \
            >"$minimal/$crate/Cargo.toml"
    done
}

# What is only compiled.
compile_checks() {
    renice -n 10 -p $BASHPID >/dev/null
    # Together with the others a feature can use what only they enable.
    for crate in cachalot-sql cachalot-diesel cachalot-cli; do
        say "cargo clippy: $crate without features"
        cargo clippy -p "$crate" --no-default-features -- -D warnings
        for feature in $(features "$crate"); do
            say "cargo clippy: $crate with $feature alone"
            cargo clippy -p "$crate" --no-default-features --features "$feature" -- -D warnings
        done
    done

    say "the oldest versions of direct dependencies"
    copy_published
    # Cargo can do it in all versions, but offers it only in unfinished ones.
    oldest=(env RUSTC_BOOTSTRAP=1 cargo -Z direct-minimal-versions generate-lockfile
        --manifest-path "$minimal/Cargo.toml")
    if ! output=$("${oldest[@]}" 2>&1); then
        printf '%s\n' "$output" >&2
        if [[ $output == *"failed to select a version"* ]]; then
            return 1
        fi
        echo "test.sh: not checked: this cargo or the registry could not tell the oldest versions"
    elif ! cargo fetch --quiet --locked --manifest-path "$minimal/Cargo.toml"; then
        echo "test.sh: not checked: the oldest versions could not be fetched"
    else
        CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target} cargo check --workspace --all-features --locked \
            --manifest-path "$minimal/Cargo.toml"
    fi

    msrv=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    say "Rust $msrv, the oldest"
    if has rustup && rustup toolchain list | grep -q "^$msrv[.-]"; then
        cargo "+$(rustup toolchain list | sed -n "s/^\($msrv[.-][^ ]*\).*/\1/p" | head -n 1)" \
            check --workspace --all-targets --all-features
    else
        echo "test.sh: not checked: Rust $msrv is not installed (rustup toolchain install $msrv)"
    fi

    say "the public API against the last release"
    release=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)
    if [ -z "$release" ]; then
        echo "test.sh: not checked: there is no release yet (no tag v…)"
    elif ! has cargo-semver-checks; then
        echo "test.sh: not checked: cargo-semver-checks is not installed (cargo install cargo-semver-checks)"
    else
        cargo semver-checks --package cachalot-diesel --package cachalot-sql --all-features --baseline-rev "$release"
    fi

    say "cargo doc"
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
}

# The servers beside the system's. A folder that is named is used as it is, and has to work.
mysql_home=${CACHALOT_TEST_MYSQL_HOME:-}
postgres_home=${CACHALOT_TEST_POSTGRES_HOME:-}
unset CACHALOT_TEST_MYSQL_HOME CACHALOT_TEST_POSTGRES_HOME
servers=${CARGO_TARGET_DIR:-$PWD/target}/servers

# The `mysqld` of the system, unless it is MariaDB's, as a folder like those of tests/servers/unpack.sh.
system_mysql() {
    local program folder=$servers/system
    program=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mysqld) || return 1
    # Those before 8.4 lack what the tests use.
    [[ $("$program" --no-defaults --version 2>/dev/null) =~ Ver\ (8\.4|9)\. ]] || return 1
    [ -d "${program%/*/*}/share/mysql" ] || return 1
    mkdir -p "$folder/bin" "$folder/root"
    ln -sfn "$program" "$folder/bin/mysqld"
    ln -sfn "${program%/*/*}" "$folder/root/usr"
    mysql_home=$folder
}

say "Compiling the tests"
cargo test --workspace --all-features --no-run

# The tests mostly wait for their servers. In a process group of its own, which ends with this script.
say "In the background: each feature by itself, the oldest versions, cargo doc (output below)"
log=${CARGO_TARGET_DIR:-target}/compile-checks.log
mkdir -p "${log%/*}"
set -m
compile_checks >"$log" 2>&1 </dev/null &
checks=$!
set +m
not_run=()

# Last, so that what was not tested is not overlooked.
finish() {
    local why what
    kill -- "-$checks" 2>/dev/null || true
    if [ ${#not_run[@]} -gt 0 ]; then
        if $system_servers; then
            why="run ./test.sh without --system-servers and --use-running"
        else
            why="it is not installed, and tests/servers/unpack.sh failed (see above)"
        fi
        for what in "${not_run[@]}"; do
            printf '\ntest.sh: WARNING: NOT TESTED ON %s: %s\n' "$what" "$why"
        done
    fi
}
trap finish EXIT

if ! $system_servers; then
    [ -n "$mysql_home" ] || system_mysql || true
    if [ -z "$mysql_home" ] || [ -z "$postgres_home" ]; then
        say "Unpacking MySQL and PostgreSQL 18"
        if tests/servers/unpack.sh "$servers/unpacked"; then
            mysql_home=${mysql_home:-$servers/unpacked}
            postgres_home=${postgres_home:-$servers/unpacked}
        fi
    fi
fi

# The tests of one database on the server in a folder: those of `doctor` and of the process's events too. They are the
# same programs as below, so nothing is compiled twice. A server that runs already is not the one that was asked for.
on_server() { # NAME FOLDER MYSQL|POSTGRES MODULE
    if [ -z "$2" ]; then
        not_run+=("$1")
        return
    fi
    say "cargo test: $1"
    env -u "CACHALOT_TEST_$3_URL" "CACHALOT_TEST_$3_HOME=$2" \
        cargo test --workspace --all-features --test conformance --test command --test observed -- \
        "$4::" doctor:: told_too
}
on_server MySQL "$mysql_home" MYSQL mysql
on_server "PostgreSQL 18" "$postgres_home" POSTGRES postgres

say "cargo test"
cargo test --workspace --all-features --lib --bins --tests --examples

say "Waiting for what runs in the background"
compiles=0
wait "$checks" || compiles=$?
cat "$log"
if [ $compiles -ne 0 ]; then
    echo "test.sh: failed: see the last error above" >&2
    exit $compiles
fi

say "cargo test: documentation"
cargo test --workspace --all-features --doc
