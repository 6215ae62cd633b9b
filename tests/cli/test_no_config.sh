#!/bin/bash
# In an incident slipway.yml itself may be what is broken: rollback and the reading commands use what the history recorded
# of it; deploy and promote refuse. No host exists here, and none is asked.
. "$(dirname "$0")/lib.sh"
write_config
start_registry
run 0 release create --tag 1.0
run 4 deploy ci r1 # there is no engine; the configuration is on record all the same
cp slipway.yml good.yml

# Two unknown keys: the file says what is wrong, the last deployment says the rest.
sed -i '1i colour: blue\nflavour: mint' slipway.yml
run 3 rollback ci --yes
err_has 'slipway.yml:1:1:'
err_has 'and 1 more'
err_has 'using the hosts of d1 instead, from the history'
err_has 'nothing was ever deployed there successfully'
for line in 'deploy ci r1' 'promote ci' 'plan ci r1' 'check ci' 'config ci' 'release create --tag 1.0'; do
  # shellcheck disable=SC2086 # a line is several words
  run 2 $line
  err_has 'slipway.yml:1:1:'
  out_is_empty
done
run 0 status --json
out_json '.[0].environments | map(.name) == ["ci"]'
err_has 'using the hosts of d1'
run 0 status ci
run 0 hold ci --reason 'it loses orders'
run 0 status ci
out_has 'HELD'
run 0 unhold ci
run 0 history ci --json
out_json '.[0][0].id == "d1"'
err_has 'using the history'
run 0 show d1
run 0 release list
out_has '1.0'

# What was never deployed has no configuration on record.
run 2 rollback prod --yes
err_has 'slipway.yml:1:1:'
err_has 'no configuration of "prod"'

# No YAML at all, but the line that names the history can be read.
printf 'app: journal\nhistory: "history.db" # beside it\n\tenvironments: {[\n' >slipway.yml
run 3 rollback ci --yes
err_has 'using the hosts of d1'
run 2 deploy ci r1

# A line that names a history which is not there: no other is guessed, and none is made.
mkdir -p state/slipway
cp history.db state/slipway/journal.db
echo 'history: nosuch.db' >slipway.yml
run 2 rollback ci --yes
err_has 'no history at '
err_has '--history'
[ ! -e nosuch.db ] || fail 'a history was made'

# Nothing in it says where: the one in the default folder is it; of several, the one that `app` names.
echo '{[' >slipway.yml
run 3 rollback ci --yes
err_has 'using the hosts of d1'
cp history.db state/slipway/other.db
run 2 rollback ci --yes
err_has 'several histories'
err_has 'journal.db, other.db'
printf 'app: journal\n{[\n' >slipway.yml
run 3 rollback ci --yes
err_has 'slipway/journal.db'

# The file is gone.
rm slipway.yml
run 3 rollback ci --yes --history history.db
err_has 'no slipway.yml in'
err_has 'using the hosts of d1'
SLIPWAY_HISTORY=history.db run 0 status
run 2 rollback ci --yes --history nosuch.db
err_has 'no history at nosuch.db'
[ ! -e nosuch.db ] || fail 'a history was made'
run 2 deploy ci r1 --history history.db
run 2 promote ci --history history.db

# Broken as well: the history counts.
echo 'no database, but long enough to be looked at: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789' >bad.db
run 6 rollback ci --yes --history bad.db
err_has 'bad.db'
err_has 'slipway history import ENV'

# Mended: nothing is said of it any more.
mv good.yml slipway.yml
run 3 rollback ci --yes
! grep -q 'using the hosts' err || fail 'a good slipway.yml was not used'
