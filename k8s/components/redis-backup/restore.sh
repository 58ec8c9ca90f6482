#!/bin/sh
# Puts a copy in the place of what Redis has on its disk. Redis must not run. What was there is kept beside it.
#
# BACKUP_DIR     where the copies are
# RESTORE_FILE   which; the newest where it is not said
# DATA_DIR       the volume of Redis
# REDIS_HOST, REDIS_PORT   where Redis answers if it runs after all
#
# What came after the copy is gone, and clients may have seen it. So every shard is marked as one that nobody vouches for: the next
# merger gives it a new epoch, and all streams are told `reset`, whoever of the fleet ran meanwhile or did not.
set -eu

say() { echo "$*"; }
refuse() { say "$*" >&2; exit 1; }

if [ "$(timeout 5 redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" ping 2>/dev/null || true)" = PONG ]; then
  refuse "Redis runs at $REDIS_HOST:$REDIS_PORT: scale it to 0 first. Nothing was changed."
fi

file=${RESTORE_FILE:-$(cd "$BACKUP_DIR" && ls smallchange-*.rdb 2>/dev/null | sort | tail -n 1)}
[ -n "$file" ] && [ -f "$BACKUP_DIR/$file" ] || refuse "There is no copy ${file:-at all} in $BACKUP_DIR. Nothing was changed."
(cd "$BACKUP_DIR" && sha256sum -c --quiet "$file.sha256") || refuse "$file is not as it was written. Nothing was changed."

work="$DATA_DIR/restoring"
rm -rf "$work"
mkdir "$work"
socket="${TMPDIR:-/tmp}/restore.sock"
cp "$BACKUP_DIR/$file" "$work/copy.rdb"

redis-server --port 0 --unixsocket "$socket" --dir "$work" --dbfilename copy.rdb --appendonly no --save '' --daemonize no > "$work/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
ask() { redis-cli -s "$socket" "$@"; }

until [ "$(ask ping 2>/dev/null || true)" = PONG ]; do
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; refuse "$file could not be read. Nothing was changed."; }
  sleep 0.2
done

shards=$(ask --scan --pattern 'sc:{*}:shard')
[ -n "$shards" ] || refuse "$file has no shard of smallchange. Nothing was changed."
for shard in $shards; do ask hset "$shard" unvouched restored > /dev/null; done

ask config set appendonly yes > /dev/null
until ask info persistence | grep -q 'aof_rewrite_in_progress:0' && ask info persistence | grep -q 'aof_rewrite_scheduled:0'; do sleep 0.2; done
ask info persistence | grep -q 'aof_last_bgrewrite_status:ok' || { cat "$work/log" >&2; refuse "The file could not be written. Nothing was changed."; }
ask shutdown nosave 2>/dev/null || true
wait "$server" || true

if [ -d "$DATA_DIR/appendonlydir" ]; then
  before="$DATA_DIR/before-restore-$(date -u +%Y%m%dT%H%M%SZ)"
  mv "$DATA_DIR/appendonlydir" "$before"
  say "What was there is in $before: remove it when all is well."
fi
mv "$work/appendonlydir" "$DATA_DIR/appendonlydir"
sync "$DATA_DIR/appendonlydir"/*
# Whose replica it was (components/redis-sentinel): with what was put there it begins anew.
rm -f "$DATA_DIR/redis.conf"
rm -rf "$work"
say "Restored $file, $(echo "$shards" | wc -l) shards. Start Redis."
