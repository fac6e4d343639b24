# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, and where each outside library lives (docs/ARCHITECTURE.md)."""

import re

from tree import c_files, read

# A folder may include itself and these; the longest prefix of a file's path decides.
MAY_INCLUDE = {
    "lib/base/": [],
    "lib/sys/": ["lib/base/"],
    "lib/http/": ["lib/base/", "lib/sys/"],
    "lib/data/": ["lib/base/", "lib/sys/"],
    "lib/ipc/": ["lib/"],
    "builders/": ["lib/"],
    "agent/": ["lib/", "builders/"],
    "agent/hostd/": ["lib/"],
    "proxy/": ["lib/"],
    "cli/": ["lib/"],
    "tests/": [""],
}

# Outside headers and the only places that may know them.
HOMES = {
    r"git2(\.h|/)": ["agent/git/", "cli/git"],
    r"curl/": ["cli/", "agent/acme/"],
    r"systemd/sd-daemon\.h": ["agent/", "proxy/"],
    r"systemd/": ["agent/hostd/", "agent/runtime/systemd", "agent/runtime/logs/journal"],
    r"openssl/": ["proxy/tls", "agent/edge/", "agent/acme/", "agent/api/token"],
    r"sqlite3\.h": ["agent/store/"],
    r"yaml\.h": ["lib/data/"],
    r"jansson\.h": ["lib/data/", "lib/ipc/", "builders/", "agent/", "proxy/", "cli/"],
    r"ev\.h": ["proxy/", "agent/"],
    r"nghttp2/": ["proxy/h2"],
    r"(zlib|zstd)\.h|brotli/": ["agent/git/", "proxy/"],
    r"cmocka\.h": ["tests/"],
}
# Pure modules inside those homes.
NO_LOOP = [r"agent/deploy/step\.", r"agent/store/", r"agent/git/", r"proxy/static"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[>"]')


def allowed_project(path, target):
    home = max((p for p in MAY_INCLUDE if path.startswith(p)), key=len, default=None)
    if home is None:
        return False
    return any(target.startswith(p) for p in [home, *MAY_INCLUDE[home]])


def allowed_outside(path, target):
    for pattern, homes in HOMES.items():
        if re.match(pattern, target):
            return path.startswith("tests/") or any(path.startswith(h) for h in homes)
    return True


def check():
    problems = []
    for path in c_files():
        for number, line in enumerate(read(path).splitlines(), 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            quoted, target = m.group(1) == '"', m.group(2)
            where = f"{path}:{number}"
            if quoted and not allowed_project(path, target):
                problems.append(f'{where}: must not include "{target}"')
            if not quoted and not allowed_outside(path, target):
                problems.append(f"{where}: <{target}> has another home")
            if target == "ev.h" and any(re.match(p, path) for p in NO_LOOP):
                problems.append(f"{where}: this module knows no event loop")
    return problems
