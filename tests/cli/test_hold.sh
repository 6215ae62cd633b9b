#!/bin/bash
# hold and unhold: who is refused, what passes, what is said and recorded. No host exists here, and none is asked.
. "$(dirname "$0")/lib.sh"
write_config
start_registry
run 0 release create --tag 1.0
export BUILD_USER_ID=anna

# A hold needs a reason and an environment that exists, and makes nothing otherwise.
run 2 hold prod
err_has '--reason'
run 2 hold --reason why
run 2 hold prdo --reason why
err_has 'prod'
run 2 unhold
run 0 unhold prod
out_has 'prod was not held'
run 0 status --json
out_json '.[0].environments | all(.held == null)'

run 0 hold ci --reason 'it loses orders, see INC-7'
out_has 'ci is held: it loses orders, see INC-7'
out_has 'slipway unhold ci'
run 0 status --json
out_json '.[0].environments[0].held | .reason == "it loses orders, see INC-7" and .by == "anna" and
  (.since | test("^20[0-9-]+T[0-9:.]+Z$"))'
out_json '.[0].environments[0] | .promotable == null and (.waiting_for | test("held by anna"))'
out_json '.[0].environments[1].held == null'
run 0 status
out_has 'HELD'
out_has 'held by anna '
out_has ': it loses orders'

# deploy and promote are refused with who, since when, why, and what to do.
for line in 'deploy ci r1' 'promote ci' 'promote ci r1'; do
  # shellcheck disable=SC2086 # a line is several words
  run 3 $line --yes
  err_has 'ci is held by anna since 20'
  err_has 'it loses orders, see INC-7'
  err_has 'slipway unhold ci'
  out_is_empty
done
run 3 promote ci --yes --json
out_json '.[-1].event == "result" and .[-1].exit_code == 3 and .[-1].error.kind == "refused" and
  (.[-1].error.message | test("held by anna"))'
run 0 history --json
out_json '. == [[]]'

# plan lists the gate.
run 0 plan ci r1
out_has 'hold'
out_has 'CLOSED'
run 0 plan ci --json
out_json '.[0].release.id == "r1" and (.[0].gates[] | select(.name == "hold") | .passes == false)'

# rollback is never stopped by it: here there is only nothing to go back to, and no host to ask.
run 3 rollback ci
err_has 'knows no deployment of ci'
! grep -q 'held' err || fail 'a rollback was stopped by a hold'

# Forced past, on the record; there is no engine.
run 2 deploy ci r1 --force
run 4 deploy ci r1 --force --reason 'the fix, CHG-8'
err_has 'forced past: ci is held by anna'
run 0 history ci --json
out_json '.[0][0] | .forced and .reason == "the fix, CHG-8"'
run 4 promote ci --force --reason 'the fix, CHG-8'

# A second hold counts from now on, and both are on record.
BUILD_USER_ID=bob run 0 hold ci --reason 'and customers' --json
out_json '.[0].environment == "ci" and .[0].held.reason == "and customers" and .[0].held.by == "bob" and
  .[0].replaced.by == "anna"'
err_has 'ci was held already, by anna since '
run 3 deploy ci r1
err_has 'held by bob'
run 0 history ci
out_has 'it loses orders, see INC-7'
out_has 'and customers'
out_has 'not yet'

BUILD_USER_ID=carl run 0 unhold ci
out_has 'ci is no longer held; it was, by bob since '
run 0 unhold ci --json
out_json '.[0].held == null and .[0].lifted == null'
run 0 history ci
out_has 'carl'
! grep -q 'not yet' out || fail 'a hold was not lifted'
run 4 promote ci

# Nothing is newer, which is success otherwise; a build must not take "held" for "done".
run 0 promote prod --history new.db --yes
run 0 hold prod --history new.db --reason wait
run 3 promote prod --history new.db --yes
err_has 'prod is held by anna'
err_has 'there is no release yet'
run 0 promote prod --history new.db --yes --force --reason 'to see'
run 0 plan prod --history new.db

# What a user writes reaches a terminal without control characters.
run 0 hold prod --reason $'a\e[2Jb'
out_lacks $'\e'
run 3 promote prod --yes
! grep -qF $'\e' err || fail 'an escape sequence reached the terminal'
