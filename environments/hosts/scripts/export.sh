#!/bin/sh
# export.sh FOLDER OFFSET BUDGET PATH...: of each file below FOLDER "SIZE LENGTH" in a line, and LENGTH bytes behind it; the first
# is read from OFFSET on. It ends when BUDGET bytes are written: what is missing then is asked for again. SIZE is -1 where no file
# is. An answer may not be longer than a few MiB, a file may.
cd "$1" || exit 1
offset=$2 left=$3
shift 3
for path in "$@"; do
  [ "$left" -gt 0 ] || break
  if [ -f "$path" ] && [ -r "$path" ]; then
    size=$(wc -c <"$path")
    length=$((size - offset))
    [ "$length" -le "$left" ] || length=$left
    [ "$length" -ge 0 ] || length=0
    echo "$((size)) $length"
    tail -c "+$((offset + 1))" "./$path" | head -c "$length"
    left=$((left - length))
  else
    echo "-1 0"
  fi
  offset=0
done
