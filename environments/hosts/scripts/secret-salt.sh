#!/bin/sh
# secret-salt.sh FOLDER ACTION: prints the random bytes (hexadecimal) that the names of files in FOLDER/secrets are made with.
# `make` makes them where there are none (the caller holds the lock), `look` then prints nothing.
set -eu
salt=$1/secret-salt
if [ "$2" = make ] && [ ! -s "$salt" ]; then
  new=$(mktemp "$1/incoming.XXXXXX") # 0600; what a crash leaves of it goes with the next upload
  head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$new"
  sync "$new" 2>/dev/null || sync
  mv "$new" "$salt"
fi
[ ! -r "$salt" ] || cat "$salt"
