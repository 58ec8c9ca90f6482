#!/bin/sh
# Takes a copy of all that Redis holds, as a replica would be given it: one moment, consistent, without a stop.
#
# REDIS_URL    whose data; its user needs +psync +sync +replconf +ping
# BACKUP_DIR   where copies are kept, smallchange-<UTC>.rdb each with its .sha256
# BACKUP_KEEP  how many; older ones are removed once a new one is whole
set -eu

name="smallchange-$(date -u +%Y%m%dT%H%M%SZ).rdb"
cd "$BACKUP_DIR"
trap 'rm -f .partial.rdb' EXIT

# The password stays out of the list of processes.
address=${REDIS_URL##*@}
credentials=${REDIS_URL#redis://}
credentials=${credentials%@*}
REDISCLI_AUTH=${credentials#*:}
export REDISCLI_AUTH

redis-cli --user "${credentials%%:*}" --no-auth-warning -h "${address%%:*}" -p "${address##*:}" --rdb .partial.rdb
# A copy that cannot be read is none. It ends with 0 also where it says so.
redis-check-rdb .partial.rdb | grep -q 'RDB looks OK' || { echo "The copy cannot be read: it is not kept." >&2; exit 1; }

sync .partial.rdb
mv .partial.rdb "$name"
sha256sum "$name" > "$name.sha256"
echo "Kept $name, $(wc -c < "$name") bytes."

ls smallchange-*.rdb | sort -r | tail -n "+$((BACKUP_KEEP + 1))" | while read -r old; do
  rm -f "$old" "$old.sha256"
  echo "Removed $old."
done
