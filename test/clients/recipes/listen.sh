#!/bin/sh
# curl in a loop that comes back with the last id: sh listen.sh URL. Frames are shown whole, or not at all.
id_file=$(mktemp)
trap 'rm -f "$id_file"' EXIT
while :; do
  id=$(cat "$id_file")
  curl -sN -H 'Accept: text/event-stream' ${id:+-H "Last-Event-ID: $id"} "$1" | {
    frame= next=$id
    while IFS= read -r line; do
      if [ -n "$line" ]; then
        case $line in 'id: '*) next=${line#id: } ;; esac
        frame="$frame$line
"
      else
        printf '%s\n' "$frame"
        printf '%s' "$next" > "$id_file"
        frame=
      fi
    done
  }
  sleep 2
done
