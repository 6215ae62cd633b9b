#!/bin/sh
# remove-place.sh NAME [own]: removes the folder NAME and all that is in it. Unless it is this shell's own, its lock must be free.
folder=$HOME/.slipway/$1
[ -d "$folder" ] || exit 0
if [ "${2-}" = own ]; then
  rm -rf -- "$folder"
else
  (flock -n 8 && rm -rf -- "$folder") 8>>"$folder/lock" 9>&-
fi
