#!/bin/bash
# References in variables, and --set: what is wrong with them is said at once and before anything is done; what a
# deployment was given is on record. There is no engine here, so a deployment that gets so far ends with 4.
# shellcheck disable=SC2016 # what slipway follows, no shell does
. "$(dirname "$0")/lib.sh"
write_config
start_registry
cat >>slipway.yml <<'YAML'
defaults:
  secrets: {KEY: {env: KEY}}
  variables:
    URL: "https://${HOST:-localhost}/${SLIPWAY_APP}-${SLIPWAY_VERSION}"
    HOST: "${env:PLACE}"
    LEVEL: info
YAML
run 0 release create --tag 1.0

# Everything that is wrong, and nothing is on record.
run 2 deploy ci r1
err_has 'variables of ci: HOST: the environment of slipway itself has no PLACE'
sed 's/LEVEL: info/LEVEL: "${KEY}"\n    ROUND: "${ROUND}"/' slipway.yml >wrong.yml
for line in 'deploy ci r1' 'plan ci r1'; do
  # shellcheck disable=SC2086 # a line is several words
  run 2 $line -c wrong.yml
  err_has 'HOST: the environment of slipway'
  err_has 'LEVEL: KEY is a secret'
  err_has 'ROUND -> ROUND'
done
run 0 history --json
out_json '.[0] == []'

# Shown as written, and not followed.
run 0 config ci
out_has '${env:PLACE}'

export PLACE=example.org
run 2 deploy ci r1 --set LEVEL
err_has '--set LEVEL: expected KEY=VALUE'
run 2 deploy ci r1 --set KEY=x
err_has 'it is a secret of ci'
run 2 promote ci r1 --set SLIPWAY_APP=x
err_has 'nor with SLIPWAY_'
run 2 plan ci r1 --set 1=x
err_has 'expected a variable name'
run 2 deploy ci --as-is --set LEVEL=x
err_has '--set away'

export KEY=geheim
run 4 deploy ci r1 --set LEVEL=debug --set 'MORE=a=b $c' --set LEVEL=trace
run 0 show d1
out_has 'LEVEL=trace'
out_has 'MORE=a=b $c'
out_lacks 'debug'
run 0 show d1 --json
out_json '.[0].set == {"LEVEL": "trace", "MORE": "a=b $c"}'
run 4 deploy ci r1
run 0 show d2 --json
out_json '.[0].set == {}'
