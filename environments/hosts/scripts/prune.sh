#!/bin/sh
# prune.sh FOLDER ACTION [UID...] < PATHS: ACTION `remove` takes away the named release folders, then each of files/ and secrets/ that no
# remaining release names, and what killed uploads left; `list` only says so. Never what `current` points to, and never what is
# among PATHS (a line each: what containers mount) or holds one of them. The caller holds the lock: no upload runs.
# Prints "release|file|leftover NAME BYTES INODES" for each, then "stays NAME" where this user may not remove it, then
# "needs sha256:…" for each digest that a release names, of any application and environment of this user, which stays.
set -u
cd "$1" || exit 1
folder=$1 real=$(pwd -P) action=$2
shift 2
newline='
'
mounted=$newline$(cat)$newline
current=$(readlink current)
gone=' '

is_mounted() {
  for place in "$folder" "$real"; do
    case $mounted in
    *"$newline$place/$1$newline"* | *"$newline$place/$1/"*) return 0 ;;
    esac
  done
  return 1
}

# "BYTES INODES" of a path and all below it, as the disk has them.
measure() {
  find "$1" -exec stat -c '%b %B' {} + 2>/dev/null | {
    bytes=0 inodes=0
    while read -r blocks size; do
      bytes=$((bytes + blocks * size)) inodes=$((inodes + 1))
    done
    echo "$bytes $inodes"
  }
}

# $1: what it is; $2: path. First out of sight, so that a folder is there whole or not at all.
discard() {
  size=$(measure "$2")
  name=${2##*/}
  gone="$gone$2 "
  if [ "$action" = remove ]; then
    path=$2
    case $name in going.*) ;; *)
      path=going.$name
      mv "$2" "$path" || {
        echo "stays $2"
        return
      }
      ;;
    esac
    if ! rm -rf "$path"; then
      echo "stays $path"
      return
    fi
  fi
  echo "$1 $name $size"
}

for path in incoming.* going.* compose.* current.new; do
  { [ -e "$path" ] || [ -L "$path" ]; } && discard leftover "$path"
done
for uid in "$@"; do
  path=releases/$uid
  [ -d "$path" ] && [ "$path" != "$current" ] && ! is_mounted "$path" && discard release "$path"
done

set --
for release in releases/*; do
  case $gone in *" $release "*) continue ;; esac
  set -- "$@" "$release/images.yml" "$release/manifest.json"
done
for path in files/* secrets/*; do
  [ -e "$path" ] && ! grep -qsF "${path#*/}" "$@" /dev/null && ! is_mounted "$path" && discard file "$path"
done

for place in "$real"/../*/; do
  [ "${place%/*}" = "$real/../${real##*/}" ] || set -- "$@" "$place"releases/*/images.yml "$place"releases/*/manifest.json
done
grep -ohsE 'sha256:[0-9a-f]{64}' "$@" /dev/null | sort -u | while read -r digest; do echo "needs $digest"; done
