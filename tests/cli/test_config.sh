#!/bin/bash
# slipway.yml: where it is found, its errors, and the effective configuration that parses again.
. "$(dirname "$0")/lib.sh"

run 2 status
err_has 'no slipway.yml in'
err_has '--config FILE'

write_config
run 0 config
cp out effective.yml
run 0 config -c effective.yml
cmp -s out effective.yml || fail 'the effective configuration does not parse to itself'
run 0 config --json
out_json '.[0].app == "journal"'
run 0 config prod
out_lacks 'ci:'
run 0 config --environments
[ "$(cat out)" = $'ci\nprod' ] || fail 'the environments are not ci and prod'

# Found from a folder below, like git.
mkdir -p deploy/below
(cd deploy/below && "$SLIPWAY" config --environments) | grep -qx prod

# All errors at once, each with its place, a near key, and what to do.
sed 's/hosts: \[local\]/hots: [local]/; s/^pipeline:/pipelin:/' slipway.yml >typo.yml
run 2 status -c typo.yml
err_has 'typo.yml:5:1'
err_has 'typo.yml:10:5'
err_has '"pipeline"'
err_has '"hosts"'
run 2 status -c typo.yml --json
out_json '.[0].error.kind == "config"'
run 2 deploy ci r1 -c typo.yml --json
out_json '.[0].event == "result" and .[0].error.kind == "config"'

run 2 status -c nosuch.yml
err_has 'nosuch.yml'

run 0 config --keys
out_has 'protected'
(cd / && "$SLIPWAY" config --keys) | grep -q insecure_registries
