#!/bin/sh
# commit.sh FOLDER UID: `current` points to releases/UID from one instant to the next (rename(2)), then standard input
# (one line) goes to the journal.
cd "$1" || exit 1
[ -f "releases/$2/manifest.json" ] || { echo "releases/$2 is not complete" >&2; exit 1; }
ln -sfn "releases/$2" current.new && mv -fT current.new current && cat >>journal.jsonl &&
  { sync journal.jsonl 2>/dev/null || sync; }
