#!/bin/sh
# leftovers.sh PLACE: prints the name of each folder of a run of the ephemeral environment PLACE that nobody holds the lock of any
# more: a run that is about to begin has written nothing into the lock yet (opening.sh).
for folder in "$HOME/.slipway/$1"--*; do
  [ -s "$folder/lock" ] || continue
  (flock -n 8) 8>>"$folder/lock" 9>&- && echo "${folder##*/}"
done
:
