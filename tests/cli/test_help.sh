#!/bin/bash
# Help for every command, from its row; help does nothing else.
. "$(dirname "$0")/lib.sh"

run 0 --help
out_has 'usage: slipway'
for verb in check config 'release create' 'release list' 'release show' plan deploy promote rollback hold unhold \
  status history show help version completion; do
  out_has "  $verb"
done

# Neither slipway.yml nor a history is here: help needs none.
while read -r verb; do
  # shellcheck disable=SC2086 # a verb of two words
  run 0 $verb --help
  out_has "usage: slipway $verb"
  out_has 'Options of every command:'
  cp out long
  # shellcheck disable=SC2086
  run 0 help $verb
  cmp -s out long || fail "help $verb differs from $verb --help"
done <<'VERBS'
check
config
release create
release list
release show
plan
deploy
promote
rollback
hold
unhold
status
history
show
VERBS

run 0 release --help
out_has 'release create'
out_lacks 'rollback'

# Whatever else is on the line.
write_config
run 0 rollback prod --to nosuch --bogus extra words --yes --help
out_has 'usage: slipway rollback ENV'
[ ! -e history.db ] || fail 'help made a history'

run 0 --version
out_has 'slipway '
run 0 status --version
run 0 version --json
out_json '.[0].version | type == "string"'
