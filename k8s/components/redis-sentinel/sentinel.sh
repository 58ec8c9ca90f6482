#!/bin/sh
# Starts a Sentinel. What it found out stays on its volume: who the primary is, who else there is, for whom it voted. All else is as
# sentinel.conf says it now.
#
# SELF_HOST, SELF_PORT   by which the others reach it
# DATA_DIR               its volume
# SENTINEL_PASSWORD      of smallchange-sentinel, at Redis and among Sentinels
set -eu
umask 077

conf="$DATA_DIR/sentinel.conf"
said="$(dirname "$0")/sentinel.conf"
found=$(grep -E '^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) ' "$conf" 2>/dev/null || true)

{
  if [ -n "$found" ]; then grep -v '^sentinel monitor ' "$said"; else cat "$said"; fi
  printf '%s\n' "$found"
  echo "sentinel announce-ip $SELF_HOST"
  echo "sentinel announce-port $SELF_PORT"
  echo "sentinel auth-pass smallchange $SENTINEL_PASSWORD"
  echo "sentinel sentinel-pass $SENTINEL_PASSWORD"
  echo "user smallchange-sentinel reset on >$SENTINEL_PASSWORD &__sentinel__:hello +ping +publish +client|setname +sentinel|is-master-down-by-addr"
} > "$conf.new"
mv "$conf.new" "$conf"

exec redis-server "$conf" --sentinel
