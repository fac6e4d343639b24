#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every test of the project, complete on a fresh Debian 12 or Ubuntu 24.04 as root or with sudo.
# The last line is "N passed, N failed, N skipped"; the exit status is 1 when anything failed.
#
#	tests/run.sh            everything
#	tests/run.sh --quick    the dev build, unit tests and lint only
#	tests/run.sh --soak     everything, and the long versions of the load tests
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

quick=0
for option; do
	case $option in
	--quick) quick=1 ;;
	--soak) export BERTH_SOAK=1 ;;
	--help)
		sed -n '5,10s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		echo "tests/run.sh: no option is called '$option'; there are --quick and --soak" >&2
		exit 2
		;;
	esac
done

logs=$PWD/build/test
mkdir -p "$logs"
export BERTH_RESULTS=$logs/results.tsv
: >"$BERTH_RESULTS"
python=/usr/bin/python3
command -v ccache >/dev/null && export CMAKE_C_COMPILER_LAUNCHER=ccache
jobs=$(nproc)

say() {
	printf '== %s (%ss)\n' "$1" "$SECONDS"
}

result() {
	$python tests/results.py add "$BERTH_RESULTS" "$@"
}

finish() {
	say "all parts"
	$python tests/results.py summary "$BERTH_RESULTS"
	exit
}

# build PRESET [CMAKE OPTION...]: one test; false when it failed.
build() {
	local preset=$1 log=$logs/build-$1.log
	shift
	say "build $preset"
	if cmake --preset "$preset" "$@" >"$log" 2>&1 &&
		cmake --build --preset "$preset" -j "$jobs" >>"$log" 2>&1; then
		result pass "build.$preset"
	else
		grep -v '^\[' "$log" | tail -n 40
		result fail "build.$preset" "see $log"
		return 1
	fi
}

# unit PRESET: unit tests and the replay of the fuzz corpora.
unit() {
	say "unit tests ($1)"
	rm -f "$logs/unit-$1.xml"
	(cd "build/$1" && ctest -L unit -j "$jobs" --output-on-failure --no-tests=error \
		--output-junit "$logs/unit-$1.xml") >"$logs/unit-$1.log" 2>&1 ||
		grep -vE '\.\.\. +Passed|^ +Start ' "$logs/unit-$1.log" | tail -n 60
	$python tests/results.py junit "$BERTH_RESULTS" "$logs/unit-$1.xml"
}

# pytests NAME FOLDER: the cases of a folder, each with its time limit (tests/e2e/conftest.py).
pytests() {
	say "$1"
	rm -f "$logs/$1.xml"
	# Its output is seen as it comes: these are the tests that take minutes.
	$python -m pytest -p no:cacheprovider -q -rs --tb=short --junitxml="$logs/$1.xml" "$2" 2>&1 |
		tee "$logs/$1.log"
	$python tests/results.py junit "$BERTH_RESULTS" "$logs/$1.xml" "$1."
}

# The README's first command, as it stands there.
quickstart() {
	say "quick start"
	if packaging/quickstart.sh --check >"$logs/quickstart.log" 2>&1; then
		result pass quickstart
	else
		tail -n 40 "$logs/quickstart.log"
		result fail quickstart "see $logs/quickstart.log"
	fi
}

say packages
if ! packaging/packages.sh test; then
	command -v $python >/dev/null && result fail packages "what the tests need is missing" && finish
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

build dev || finish
if ((quick)); then
	cmake --preset clang >"$logs/clang.log" 2>&1
	say lint
	$python tests/lint/run.py
	unit dev
	finish
fi
build clang
build release
say lint
$python tests/lint/run.py
build asan && unit asan
quickstart
pytests e2e tests/e2e
if [[ -d tests/vps ]]; then
	pytests vps tests/vps
fi
finish
