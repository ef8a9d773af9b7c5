#!/bin/sh
# Installs those of the named Debian packages that are missing; does nothing, and needs no network, if none is.
#   sh install_packages.sh PACKAGE[|OTHER]...
# OTHER is taken on releases that do not have PACKAGE.
set -eu

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }
is_known() { apt-cache show "$1" >/dev/null 2>&1; }

# Prints which of the packages of $1 to install; nothing if the right one is there.
choose() {
    first=${1%%|*}
    other=${1#*|}
    if is_installed "$first"; then
        return 0
    elif [ "$other" != "$first" ] && ! is_known "$first" && { is_installed "$other" || is_known "$other"; }; then
        is_installed "$other" || echo "$other"
    else
        echo "$first"
    fi
}
choose_all() { for wanted in "$@"; do choose "$wanted"; done; }

if ! command -v apt-get >/dev/null 2>&1; then
    # The same things under other names will do; where they are missing, the configuration says so.
    echo "This is no Debian system, so nothing is installed. Needed is what these Debian packages hold: $*" >&2
    exit 0
fi
[ -n "$(choose_all "$@")" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    echo "Packages are missing, and there is neither root nor sudo to install them with. As root, run:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends $(choose_all "$@" | tr '\n' ' ')" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    # env rather than an assignment: sudo passes on only what stands behind it.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" \
        >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        echo "apt-get $1 failed: its output stands above" >&2
        return 1
    }
}
apt update
missing=$(choose_all "$@")
echo "Installing:" $missing
# --no-remove: a package that would push out another one is for the user to decide about.
apt install -y --no-install-recommends --no-remove $missing
