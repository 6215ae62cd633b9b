#!/bin/sh
# room.sh FOLDER...: "FOLDER BYTES INODES" free for this user on each folder's file system, a line each; -1 where it does not say.
# A folder that is not there yet is measured at its nearest parent.
for folder in "$@"; do
  place=$folder
  while [ ! -e "$place" ] && [ "$place" != / ]; do place=$(dirname "$place"); done
  kilobytes=$(df -Pk "$place" 2>/dev/null | { read -r _; read -r _ _ _ free _; echo "${free:-}"; })
  inodes=$(df -Pi "$place" 2>/dev/null | { read -r _; read -r _ total _ free _; [ "${total:-0}" = 0 ] || echo "${free:-}"; })
  case $kilobytes in '' | *[!0-9]*) bytes=-1 ;; *) bytes=$((kilobytes * 1024)) ;; esac
  case $inodes in '' | *[!0-9]*) inodes=-1 ;; esac
  echo "$folder $bytes $inodes"
done
