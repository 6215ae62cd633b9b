#!/bin/sh
# room.sh FOLDER...: "FOLDER BYTES INODES" free for this user on each folder's file system, a line each; -1 where it does not say.
# A folder that is not there yet is measured at its nearest parent. One process each (stat), where `df` and what cuts its table up
# were eight.

# "BYTES INODES" out of what stat says: free blocks, their size, free inodes, all inodes (0: this file system does not count them).
slipway_room() {
  case "$*" in '' | *[!0-9\ ]*) set -- ;; esac
  bytes=-1 inodes=-1
  [ $# -lt 4 ] && return
  bytes=$(($1 * $2))
  [ "$4" -gt 0 ] && inodes=$3
}

for folder in "$@"; do
  place=$folder
  while [ ! -e "$place" ] && [ "$place" != / ]; do place=$(dirname "$place"); done
  # shellcheck disable=SC2046 # words
  slipway_room $(stat -f -c '%a %S %d %c' -- "$place" 2>/dev/null)
  echo "$folder $bytes $inodes"
done
