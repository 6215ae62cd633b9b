#!/bin/sh
# Writes stdin to a file, whole or not at all. $1: path (its folders are made, 0700); $2: mode, octal; $3: length.
umask 077
slipway_folder=.
case $1 in */*) slipway_folder=${1%/*} ;; esac
slipway_folder=${slipway_folder:-/}
mkdir -p -- "$slipway_folder" || exit
slipway_file=$(mktemp -- "$slipway_folder/.slipway-XXXXXXXX") || exit
trap 'rm -f -- "$slipway_file"' EXIT
cat >"$slipway_file" || exit
# A connection that was cut leaves a shorter input, and no other trace.
if [ "$(wc -c <"$slipway_file")" -ne "$3" ]; then
  echo "$1: only a part arrived" >&2
  exit 1
fi
chmod -- "$2" "$slipway_file" && sync -- "$slipway_file" && mv -fT -- "$slipway_file" "$1" || exit
trap - EXIT
