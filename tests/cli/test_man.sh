#!/bin/bash
# The manual pages' generated parts are what the program's rows say today.
. "$(dirname "$0")/lib.sh"
"$HERE/../../docs/man/update" --check "$SLIPWAY" >out 2>err || fail 'docs/man is out of date: run docs/man/update PROGRAM'
