#!/bin/bash
# The completion scripts for zsh and fish, as those shells take them.
# shellcheck disable=SC2016 # zsh and fish follow it
. "$(dirname "$0")/lib.sh"
write_config
mkdir bin
ln -s "$SLIPWAY" bin/slipway
PATH=$WORK/bin:$PATH
run 0 completion zsh
cp out _slipway
run 0 completion fish
cp out slipway.fish

expect() {
  local shell=$1 wanted=$2 got
  shift 2
  got=$("complete_$shell" "$@" | sort | tr '\n' ' ')
  [ "$got" = "$wanted" ] || fail "$shell: $*: offered \"$got\", not \"$wanted\""
}

# What is offered for the last of the words, without descriptions. zsh's own completion system needs a terminal: what the
# function gives it is looked at.
complete_zsh() {
  zsh -f -c '
    compdef() { :; }
    _files() { :; }
    _describe() { local name=${@[-1]} entry; for entry in ${(P)name}; do print -r -- ${entry%%:*}; done; }
    . ./_slipway
    words=(slipway "$@") CURRENT=$#words PREFIX=$words[-1]
    _slipway' zsh "$@" | grep -e "^${*: -1}" || true
}
complete_fish() {
  fish --no-config -c 'source slipway.fish; complete -C "$argv"' "slipway $*" | sed 's/\t.*//'
}

tried=''
for shell in zsh fish; do
  command -v "$shell" >/dev/null || continue
  tried=yes
  expect "$shell" 'release rollback run ' r
  expect "$shell" 'create list show ' release ''
  expect "$shell" 'ci prod ' deploy ''
  expect "$shell" 'prod ' rollback p
  expect "$shell" '--tag ' deploy prod --ta
  expect "$shell" '--limit ' release list --li
  expect "$shell" '--config ' --con
  expect "$shell" 'ci export import prod ' -c slipway.yml history ''
done
if [ -z "$tried" ]; then
  echo 'skipped: neither zsh nor fish is installed'
  exit 77
fi
