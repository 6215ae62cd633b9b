#!/bin/sh
# plan.sh FOLDER UID UPLOAD COMPOSE ARGUMENT… < archive: unpacks a release with the script UPLOAD (upload.sh) to FOLDER, which is this
# plan's alone, and runs the script COMPOSE (compose.sh) there with FOLDER, UID and the ARGUMENTs. Status 71: the former failed, else
# it is the latter's. There are secrets in FOLDER: it goes in any case, also when slipway is gone meanwhile. After a crash of the host
# the next upload removes it: nobody holds the lock that is written to here.
set -u
folder=$1 uid=$2 upload=$3 compose=$4
shift 4
case $folder in
*/.slipway-plan-*) ;;
*) echo "not a plan's folder: $folder" >&2; exit 71 ;;
esac

trap 'rm -rf "$folder"' EXIT
trap 'exit 130' HUP INT TERM
(umask 077 && mkdir -p "$folder") && exec 8>>"$folder/lock" && flock -n 8 && echo "$$" >&8 || exit 71

# Not as a condition: `set -e` of the script would not count then.
(set -- "$folder" "$uid"; eval "$upload")
uploaded=$?
[ "$uploaded" -eq 0 ] || exit 71
(set -- "$folder" "$uid" "$@"; eval "$compose") </dev/null
exit "$?"
