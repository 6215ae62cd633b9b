#!/bin/bash
# Releases from a registry, and a deployment that cannot be made ready: what they leave in the history.
. "$(dirname "$0")/lib.sh"
write_config

run 4 release create --tag 1.0
err_has '127.0.0.1:1'

start_registry
run 0 release create --tag 1.0 --build-url https://ci.example.org/7
[ "$(cat out)" = r1 ] || fail 'stdout is not r1 alone'
run 0 release create --tag 1.0
[ "$(cat out)" = r1 ] || fail 'the same images are not the same release'
run 0 release create --tag 2.0 --json
out_json '.[0].id == "r2" and .[0].version == "2.0"'
out_json '.[0].images | keys == ["fpm", "web"]'
out_json '.[0].images.web | test("journal/web@sha256:[0-9a-f]{64}$")'
run 3 release create --tag 2.0 --version 1.0
err_has '1.0'
run 4 release create --tag nosuch
err_has 'nosuch'

run 0 release list
out_has 'r2'
run 0 release list -n 1 --json
out_json '.[0] | map(.id) == ["r2"]'
run 0 release show 1.0
out_has 'https://ci.example.org/7'
run 0 release show r1 --json
out_json '.[0].version == "1.0" and .[0].build_url == "https://ci.example.org/7"'
run 2 release show 9.9 --json
out_json '.[0].error.kind == "usage"'

# Nothing was verified in ci.
run 3 promote prod r2 --yes
err_has 'ci'
# Nobody can answer, and nobody said --yes.
run 3 deploy prod r2 --force --reason test
err_has '--yes'
# There is no engine.
run 4 deploy ci r2 --json
out_json '.[-1].event == "result" and .[-1].error.kind == "unready" and .[-1].exit_code == 4'
out_json 'all(.[]; has("time") and has("event"))'
run 4 deploy ci r2
out_is_empty
run 0 status --json
out_json '.[0].environments[0].release == null'

# A full disk behind stdout is no success.
if [ -w /dev/full ]; then
  status=0
  "$SLIPWAY" release list >/dev/full 2>err || status=$?
  [ "$status" = 2 ] || fail "a full stdout: exit status $status"
fi
