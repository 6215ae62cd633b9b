#!/bin/sh
# prune.sh FOLDER UID...: removes the named release folders, but never the one `current` points to, and then each of files/ that
# no remaining release mounts (its images.yml would name it). Prints the bytes freed.
cd "$1" || exit 1
shift
used() { du -sk . 2>/dev/null | { read -r kilobytes _; echo "${kilobytes:-0}"; }; }
before=$(used)
current=$(readlink current)
for uid in "$@"; do
  [ "releases/$uid" = "$current" ] || rm -rf "releases/$uid"
done
for file in files/*; do
  [ -e "$file" ] || continue
  grep -qF "${file#files/}" releases/*/images.yml 2>/dev/null || rm -rf "$file"
done
echo $(((before - $(used)) * 1024))
