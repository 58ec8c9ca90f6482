#!/bin/sh
# A token for an hour, with openssl: JWT_SECRET=… sh examples/token.sh alice '{"publish":["room.42"],"subscribe":["room.*"]}'
# Then: curl -d x -H "Authorization: Bearer $(sh examples/token.sh)" localhost:8080/c/demo
sub=${1:-alice} grant=$2
[ -n "$grant" ] || grant='{"publish":["demo"],"subscribe":["demo"]}'
now=$(date +%s)
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
head=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)
named="${JWT_ISSUER:+\"iss\":\"$JWT_ISSUER\",}${JWT_AUDIENCE:+\"aud\":\"$JWT_AUDIENCE\",}"
body=$(printf '{%s"sub":"%s","iat":%d,"exp":%d,"smallchange":%s}' "$named" "$sub" "$now" $((now + 3600)) "$grant" | base64url)
printf '%s.%s.%s\n' "$head" "$body" "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -hmac "$JWT_SECRET" -binary | base64url)"
