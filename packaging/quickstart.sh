#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From nothing to a live HTTPS site on this machine: installs what is missing, builds Berth, starts it in
# standalone mode on loopback ports, deploys an example with the CLI and fetches it with the local CA.
#
#   packaging/quickstart.sh           ... and keeps running until Ctrl-C
#   packaging/quickstart.sh --check   ... and stops again: exit 0 when all of it worked, nothing is left running
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/.."
build=build/quickstart
check=no
work=
agent=

usage() { sed -n '4,/^set /p' "$0" | sed -e '$d' -e 's/^# \{0,1\}//'; }
say() { printf '\n==> %s\n' "$*"; }
die() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

cleanup() {
  if [[ -n $agent ]] && kill -0 "$agent" 2>/dev/null; then
    kill -TERM "$agent"
    wait "$agent" || true
  fi
  [[ -z $work ]] || rm -rf "$work"
}

build_programs() {
  say "Building Berth"
  # A compiler newer than ours may warn of something new; that must not stop who only wants to try.
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBERTH_TESTS=OFF -DBERTH_WERROR=OFF >/dev/null
  cmake --build "$build"
}

# The first of the wanted port and the hundred above it on which nothing listens.
free_port() {
  local port
  for ((port = $1; port < $1 + 100; port++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  die "no free port from $1 on"
}

start_agent() {
  local i
  https_port=$(free_port 8443)
  http_port=$(free_port 8080)
  say "Starting the agent and the proxy in $work (https on port $https_port)"
  "$build/bin/berth-agent" --standalone "$work/host" --http-port "$http_port" --https-port "$https_port" \
    >"$work/ready" 2>"$work/agent.log" &
  agent=$!
  for ((i = 0; i < 300; i++)); do
    grep -q '^ready' "$work/ready" && return
    kill -0 "$agent" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/agent.log" >&2
  die "the agent did not become ready"
}

deploy_example() {
  cp -r examples/static-site "$work/hello"
  say "berth deploy (in a copy of examples/static-site)"
  "$build/bin/berth" deploy --dir "$work/hello" --app hello --host "$work/host"
}

fetch() {
  local url="https://hello.localhost:$https_port/"
  say "curl --cacert $work/host/ca/ca.pem $url"
  curl --silent --show-error --fail --max-time 10 --resolve "hello.localhost:$https_port:127.0.0.1" \
    --cacert "$work/host/ca/ca.pem" "$url" >"$work/page"
  head -n 12 "$work/page"
  grep -q '<html' "$work/page" || die "the answer is not the page that was deployed"
}

explain() {
  cat <<TEXT

It works. What happened: the folder became a git commit, was pushed to the agent, unpacked, checked and
published by the TLS proxy with a certificate from a local CA.

  export PATH=$PWD/$build/bin:\$PATH BERTH_HOST=$work/host
  cd $work/hello && \$EDITOR index.html && berth deploy      # the next release
  berth releases --app hello                                 # what there is
  berth rollback --app hello                                 # and back
  berth deploy --help

Try your own app: run "berth deploy" in its folder. Other examples are in examples/.
TEXT
}

case ${1:-} in
  "") ;;
  --check) check=yes ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

trap cleanup EXIT
trap 'exit 130' INT TERM
packaging/packages.sh build
build_programs
work=$(mktemp -d /tmp/berth-quickstart.XXXXXX)
start_agent
deploy_example
fetch
if [[ $check == yes ]]; then
  say "quickstart check passed"
  exit 0
fi
explain
echo
echo "Press Ctrl-C to stop and remove everything under $work."
wait "$agent"
