#!/bin/sh
# upload.sh FOLDER UID < archive: takes what compose/bundle.c packed to FOLDER/files/HASH, FOLDER/secrets/NAME and FOLDER/releases/UID.
# Nothing is seen under those names before it is whole and on disk; what is there of the first two is never touched, a release that is
# there and the same stays. The caller holds the lock: no other upload runs. Needs tar, find, mktemp (GNU or busybox).
set -eu
folder=$1 uid=$2

umask 077
{ [ -d "$folder/releases" ] && [ -d "$folder/files" ]; } || mkdir -p "$folder/releases" "$folder/files"
chmod 0700 "$folder"
for left in "$folder"/incoming.*; do # of an upload that was killed
  [ ! -e "$left" ] || rm -rf "$left"
done
# Of plans that were killed (plan.sh): one at work holds the lock.
for plan in "$HOME"/.slipway-plan-*; do
  if [ -s "$plan/lock" ] && (flock -n 8) 8>>"$plan/lock"; then rm -rf "$plan"; fi
done
incoming=$(mktemp -d "$folder/incoming.XXXXXX")
trap 'rm -rf "$incoming"' EXIT
trap 'exit 130' HUP INT TERM

# Modes as packed, whatever the umask; owners are this user's.
tar -xpof - -C "$incoming"
[ -f "$incoming/complete" ] || {
  echo "the upload of release $uid to $folder was cut off; nothing was changed" >&2
  exit 1
}
# busybox's sync takes no file on old versions: then the whole system is synced.
find "$incoming" -type f -exec sync {} + 2>/dev/null || sync

for kind in files secrets; do
  for file in "$incoming/$kind"/*; do
    [ -e "$file" ] || continue
    [ -d "$folder/$kind" ] || mkdir -p "$folder/$kind"
    kept=$folder/$kind/${file##*/}
    [ -e "$kept" ] || mv "$file" "$kept"
  done
done

release=$folder/releases/$uid
if [ -e "$release" ]; then
  diff -r "$release" "$incoming/release" >/dev/null 2>&1 && exit 0
  mv "$release" "$incoming/replaced"
fi
mv "$incoming/release" "$release"
sync "$folder/files" "$folder/releases" 2>/dev/null || sync
