#!/bin/sh
# Starts Redis as the primary or as a replica: what two Sentinels say; where they do not say it, what it was before; at the first start of
# all, the first pod is the primary.
#
# SELF_HOST, SELF_PORT   by which the others reach it
# FIRST                  host and port of the first pod
# SENTINELS              host:port of each
# REDIS_CONF             what every Redis of ours has
# DATA_DIR               its volume
# REPLICA_PASSWORD       of smallchange-replica
set -eu
umask 077

conf="$DATA_DIR/redis.conf"
self="$SELF_HOST $SELF_PORT"

ask() {
  for sentinel in $SENTINELS; do
    timeout 2 redis-cli -h "${sentinel%:*}" -p "${sentinel##*:}" sentinel "$1" smallchange 2>/dev/null | tr '\n' ' ' || true
    echo
  done
}

# `host port`, or nothing where no two say the same.
agreed() {
  ask get-master-addr-by-name | grep -E '^[^ ]+ [0-9]+ $' | sort | uniq -c | sort -rn | while read -r count host port; do
    [ "$count" -ge 2 ] && echo "$host $port"
    break
  done
}

# Redis itself writes there whose replica it is, whenever a Sentinel changes that.
before() {
  if [ ! -f "$conf" ]; then echo "$FIRST"; return; fi
  primary=$(sed -n 's/^replicaof //p' "$conf")
  echo "${primary:-$self}"
}

primary=$(agreed || true)
primary=${primary:-$(before)}

# With nothing on its disk it would be followed into having nothing: another has the data, and the Sentinels will choose it.
if [ "$primary" = "$self" ] && [ ! -d "$DATA_DIR/appendonlydir" ] && ask replicas | grep -q 'runid'; then
  echo "The Sentinels take this Redis for the primary, and its volume is empty: it waits until they have chosen another." >&2
  exit 1
fi

{
  cat "$REDIS_CONF" "$(dirname "$0")/replicated.conf"
  echo "replica-announce-ip $SELF_HOST"
  echo "replica-announce-port $SELF_PORT"
  echo "masterauth $REPLICA_PASSWORD"
  [ "$primary" = "$self" ] || echo "replicaof $primary"
} > "$conf.new"
mv "$conf.new" "$conf"

exec redis-server "$conf"
