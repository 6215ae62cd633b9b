#!/bin/sh
# taken-down.sh FOLDER: nothing runs here any more, so nothing is `current`; standard input (one line) goes to the journal.
cd "$1" || exit 1
rm -f current current.new && cat >>journal.jsonl && { sync journal.jsonl 2>/dev/null || sync; }
