#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# berth-proxy as a target of a side-by-side proxy benchmark. The harness sets W (a folder of the
# target), HTTP and HTTPS (ports), VHOSTS (lines "host chain key ip:port|file:/dir"), MODE (one or
# default) and PIN (a command prefix, may be empty).
#
#	proxy-target.sh caps | conf | start | switch
set -eu
bin=${BERTH_BIN:-$(dirname "$0")/../../build/release/bin}

table() {
	/usr/bin/python3 - "$VHOSTS" "$W/routes.json" <<-'PY'
	import json, os, sys, time
	sites, upstreams, certificates = [], [], {}
	for n, line in enumerate(open(sys.argv[1])):
	    host, chain, key, to = line.split()
	    certificates[chain] = {"name": chain, "chain": chain, "key": key}
	    route = {"prefix": "/"}
	    if to.startswith("file:"):
	        route["root"] = to[5:]
	    else:
	        route["upstream"] = f"u{n}"
	        upstreams.append({"name": f"u{n}", "addresses": ["tcp:" + to]})
	    sites.append({"app": f"a{n}", "release": int(time.time()), "hosts": [host],
	                  "certificate": chain, "routes": [route]})
	table = {"version": time.time_ns(), "sites": sites, "upstreams": upstreams,
	         "certificates": list(certificates.values()),
	         "default_certificate": sites[0]["certificate"]}
	with open(sys.argv[2] + ".new", "w") as f:
	    json.dump(table, f)
	os.rename(sys.argv[2] + ".new", sys.argv[2])
	PY
}

case "$1" in
caps)
	echo https static vhosts switch
	;;
conf)
	table
	workers=
	[[ $MODE = one ]] && workers='"workers": 1,'
	printf '{"http": ["127.0.0.1:%s"], "https": ["127.0.0.1:%s"], %s "routes": "%s/routes.json",\n "control": "%s/control.sock", "timeouts": {"idle": 120000}}\n' \
		"$HTTP" "$HTTPS" "$workers" "$W" "$W" >"$W/proxy.json"
	;;
start)
	# shellcheck disable=SC2086 # PIN is a command and its arguments
	$PIN "$bin/berth-proxy" --config "$W/proxy.json" >"$W/log" 2>&1 </dev/null &
	echo $! | tee "$W/pid"
	;;
switch)
	table
	kill -HUP "$(cat "$W/pid")"
	;;
*)
	echo "usage: proxy-target.sh caps | conf | start | switch" >&2
	exit 2
	;;
esac
