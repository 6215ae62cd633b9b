#!/bin/bash
# The bash completion script, as bash would call it.
. "$(dirname "$0")/lib.sh"
write_config
run 0 completion bash
cp out completion.sh
mkdir bin
ln -s "$SLIPWAY" bin/slipway
PATH=$WORK/bin:$PATH

# complete_words WORDS...: what is offered for the last one
complete_words() {
  bash -c '. ./completion.sh; COMP_WORDS=(slipway "$@"); COMP_CWORD=$#; COMPREPLY=(); _slipway; printf "%s\n" "${COMPREPLY[@]}"' \
    bash "$@" | sort | tr '\n' ' '
}

expect() {
  local wanted=$1 got
  shift
  got=$(complete_words "$@")
  [ "$got" = "$wanted" ] || fail "$*: offered \"$got\", not \"$wanted\""
}

expect 'release rollback run ' r
expect 'create list show ' release ''
expect 'ci prod ' deploy ''
expect 'prod ' rollback p
expect '--tag ' deploy prod --t
expect '--limit ' release list --li
expect '--config ' --con
