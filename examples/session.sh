#!/bin/sh
# A session as a page has it: JWT_SECRET=… sh examples/session.sh "$(sh examples/token.sh)" http://localhost:8080
# Begins one with the token, sends and reads with its cookie, renews it, gives it back; then the cookie is nobody's.
set -e
token=$1 url=${2:-http://localhost:8080}
jar=$(mktemp)
trap 'rm -f "$jar"' EXIT
# A browser says by itself that it is a page of ours that asks.
ask() { curl -sS -f -b "$jar" -c "$jar" -H 'Sec-Fetch-Site: same-origin' "$@"; }
ask -X POST -H "Authorization: Bearer $token" "$url/session"
ask -d hello "$url/c/demo"
ask "$url/c/demo/events?format=json&since=earliest&wait=20"
ask -X POST -H "Authorization: Bearer $token" "$url/session"
ask -X DELETE "$url/session"
echo
