#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the Debian packages `berth` (the command) and `berth-agent` (a host's daemons), after installing
# what building them needs; their paths are printed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

packaging/packages.sh deb
cmake --preset release -B build/deb -DBERTH_TESTS=OFF -DBERTH_WERROR=OFF >&2
cmake --build build/deb >&2
(cd build/deb && cpack >&2)
ls build/deb/*.deb
