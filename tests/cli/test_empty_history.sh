#!/bin/bash
# Before anything was deployed: reading commands read, and nothing is made up.
. "$(dirname "$0")/lib.sh"
write_config

run 0 status
out_has 'prod'
run 0 status --json
out_json 'length == 1 and .[0].app == "journal"'
out_json '.[0].environments | map(.name) == ["ci", "prod"]'
out_json '.[0].environments | all(.release == null and .deployment == null and .held == null and (.hosts | length) == 1)'
run 0 status prod --json
out_json '.[0].environments | map(.name) == ["prod"]'
run 0 history
out_has 'no deployment'
run 0 history --json
out_json '. == [[]]'
run 0 release list --json
out_json '. == [[]]'
[ ! -e history.db ] || fail 'a reading command made a history'

# The file is named by option, then by variable, then by slipway.yml; with the first two no slipway.yml is needed.
mkdir elsewhere
(cd elsewhere && "$SLIPWAY" history --history "$WORK/other.db" --json -c /nonexistent) | jq -e '. == []' >/dev/null
(cd elsewhere && SLIPWAY_HISTORY=$WORK/other.db "$SLIPWAY" history --json) | jq -e '. == []' >/dev/null

# A rollback would ask the hosts, and nobody can say yes here; with a yes it does, and there is no engine.
run 3 rollback prod
err_has 'slipway history import prod'
out_is_empty
run 4 rollback prod --yes
err_has 'no engine'
run 3 rollback prod --json
out_json 'length >= 1 and .[-1].event == "result" and .[-1].error.kind == "refused" and .[-1].exit_code == 3'
run 0 promote prod --yes --json
out_json '.[-1].event == "result" and .[-1].id == null and .[-1].environment == "prod"'

echo 'this is no database, but it is long enough to look at: 0123456789 0123456789 0123456789 0123456789 0123456789' >broken.db
run 6 history --history broken.db
err_has 'broken.db'
run 6 history --history broken.db --json
out_json '.[0].error.kind == "store"'
