#!/bin/bash
# libcurl is loaded by what needs it, and by nothing else; when it is not there, that is one line.
. "$(dirname "$0")/lib.sh"

mkdir lib
printf x >lib/libcurl.so.4 # what the loader finds first, and cannot use
export LD_LIBRARY_PATH=$WORK/lib

write_config
run 127 check ci
err_has "slipway: $WORK/lib/libcurl.so.4: "
[ "$(wc -l <err)" = 1 ] || fail "more than one line"
out_is_empty

# A line that did not parse, help, an environment that is not there: nobody is talked to.
run 0 deploy --help
run 2 deploy
run 2 check nowhere
run 0 status
