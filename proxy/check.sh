#!/bin/sh
# Renders both templates, for made-up servers unless BUCKETS and GATEWAYS are set, and lets each program check its own file.
# Needs haproxy, nginx and openssl; changes nothing outside a temporary folder.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
  -keyout "$dir/key" -out "$dir/certificate" 2> "$dir/openssl.log" || { cat "$dir/openssl.log" >&2; exit 1; }
cat "$dir/certificate" "$dir/key" > "$dir/edge.pem"
export BUCKETS="${BUCKETS:-127.0.0.1:1,127.0.0.1:2}" GATEWAYS="${GATEWAYS:-127.0.0.1:3,127.0.0.1:4}"
# Ports are not bound by haproxy -c, but nginx -t does.
export EDGE_PLAIN="${EDGE_PLAIN:-127.0.0.1:18180}" EDGE_TLS="${EDGE_TLS:-127.0.0.1:18543}" EDGE_HEALTH="${EDGE_HEALTH:-127.0.0.1:18404}"
export EDGE_METRICS="${EDGE_METRICS:-127.0.0.1:18405}"
export EDGE_CERTIFICATE="$dir/edge.pem" EDGE_RUN_DIR="$dir"
EDGE_CERTIFICATE_LUA="$PWD/proxy/certificate.lua" node --import tsx proxy/render.ts haproxy > "$dir/haproxy.cfg"
EDGE_LOG="$dir/access.log" node --import tsx proxy/render.ts nginx > "$dir/nginx.conf"
haproxy -c -f "$dir/haproxy.cfg"
nginx -t -e "$dir/error.log" -c "$dir/nginx.conf"
