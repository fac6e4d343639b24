#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs with apt what is missing for building, for making the Debian packages, or for testing:
# packages.sh build|deb|test. Quick when nothing is missing; needs root or sudo otherwise.
set -euo pipefail

build=(gcc cmake ninja-build pkg-config libc6-dev libev-dev libjansson-dev libyaml-dev libssl-dev
	libsqlite3-dev libsystemd-dev libcurl4-openssl-dev libgit2-dev zlib1g-dev curl ca-certificates)
deb=(dpkg-dev file gzip)
test=(clang clang-format-14 clang-tidy-14 shellcheck universal-ctags libcmocka-dev python3
	python3-pytest python3-venv git openssl procps iproute2
	systemd dbus util-linux)

case ${1-} in
build) wanted=("${build[@]}") ;;
deb) wanted=("${build[@]}" "${deb[@]}") ;;
test) wanted=("${build[@]}" "${deb[@]}" "${test[@]}") ;;
*)
	echo "usage: packages.sh build|deb|test" >&2
	exit 2
	;;
esac

# Programs that users often have from elsewhere: a package is only wanted when there is none.
if [[ $1 == test ]]; then
	command -v npm >/dev/null || wanted+=(nodejs npm)
	command -v go >/dev/null || wanted+=(golang-go)
	command -v pebble >/dev/null || wanted+=(pebble)
fi

missing=()
for package in "${wanted[@]}"; do
	dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
		missing+=("$package")
done
((${#missing[@]})) || exit 0

sudo=()
if ((EUID != 0)); then
	command -v sudo >/dev/null || {
		echo "missing packages: ${missing[*]}; run this as root, or install sudo" >&2
		exit 1
	}
	sudo=(sudo)
fi
echo "installing: ${missing[*]}" >&2
"${sudo[@]}" apt-get update -qq >&2 ||
	echo "apt-get update failed; going on with the package lists that are here" >&2

# A release of the system that has no LLVM 14, or no pebble (the test CA of Let's Encrypt), does
# without the checks that need it: they say so.
install=()
for package in "${missing[@]}"; do
	case $package in
	clang-format-* | clang-tidy-* | pebble) apt-cache show "$package" >/dev/null 2>&1 || continue ;;
	esac
	install+=("$package")
done
((${#install[@]})) || exit 0
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${install[@]}" >&2
