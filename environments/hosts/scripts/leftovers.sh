#!/bin/sh
# leftovers.sh PLACE: prints the name of each folder of a run of the ephemeral environment PLACE that nobody holds the lock of.
for folder in "$HOME/.slipway/$1"--*; do
  [ -d "$folder" ] || continue
  (flock -n 8) 8>>"$folder/lock" 9>&- && echo "${folder##*/}"
done
:
