#!/bin/bash
# `show --config` and `diff`: what the history recorded of deployments, compared. There is no engine here: a deployment
# ends with 4, its configuration is on record all the same.
. "$(dirname "$0")/lib.sh"
write_config
start_registry
cat >>slipway.yml <<'YAML'
defaults:
  variables: {LEVEL: info}
  health: {deadline: 90s}
YAML
printf 'a\nb\nc\n' >deploy/app.conf
cat >>deploy/compose.yml <<'YAML'
  cron: {image: "127.0.0.1:1/journal/fpm", volumes: ["./app.conf:/etc/app.conf:ro"]}
YAML
sed -i "s/127\\.0\\.0\\.1:1/127.0.0.1:$(cat port)/" deploy/compose.yml
run 0 release create --tag 1.0
run 0 release create --tag 2.0
run 4 deploy ci r1

# What a deployment ran with.
run 0 show d1 --config
out_has 'deadline: "90s"'
out_has 'LEVEL=info'
grep -Eq '^deploy/app.conf +mounted +644 +6 B +[0-9a-f]{12}$' out || fail 'the mounted file is not listed'
grep -Eq '^deploy/compose.yml +compose ' out || fail 'the Compose file is not listed'
run 0 show d1 --config --json
out_json '.[0].settings.environments.ci.health.deadline == "90s" and .[0].variables == {"LEVEL": "info"}'
out_json '.[0].files | map(select(.kind == "mounted")) | length == 1 and .[0].size == 6 and .[0].mode == "0644"'

# Nothing differs between a deployment and itself.
run 0 diff d1 d1
out_has 'No difference.'
run 0 diff d1 d1 --json
out_json '.[0].differs == false and .[0].from.release == "r1"'

# Everything does.
sed -i 's/90s/30s/' slipway.yml
printf 'a\nB\nc\n' >deploy/app.conf
run 4 deploy ci r2 --set LEVEL=debug
run 0 diff d1 d2
out_has 'd1 (ci, r1, 1.0) -> d2 (ci, r2, 2.0)'
out_has 'variable LEVEL  info -> debug'
out_has 'health.deadline  90s -> 30s'
out_has '-b'
out_has '+B'
run 0 diff d2 d1 --json
out_json '.[0].differs and (.[0].images | map(.subject)) == ["cron", "fpm", "web"]'
out_json '.[0].settings == [{"subject": "health.deadline", "from": "30s", "to": "90s"}]'
out_json '.[0].configuration | map(.subject) | index("file deploy/app.conf") != null'

# Releases; a deployment beside one stands for its own.
run 0 diff r1 2.0
out_has 'r1 (1.0) -> r2 (2.0)'
out_has 'fpm'
run 0 diff d1 r1 --json
out_json '.[0].differs == false and .[0].from.deployment == null'

# Secrets: whether they are the same, and nothing more.
sed -i 's/^  variables:/  secrets: {KEY: {env: KEY}, OLD: {env: KEY}, CERT: {env: CERT}}\n&/' slipway.yml
KEY=geheimnis-1 CERT=geheimnis-0 run 4 deploy ci r2
sed -i 's/OLD:/NEW:/' slipway.yml
KEY=geheimnis-2 CERT=geheimnis-0 run 4 deploy ci r2
run 0 diff d3 d4 --json
out_json '.[0].differs'
out_json '.[0].secrets | map(.name + " " + .state) == ["CERT same", "KEY changed", "NEW added", "OLD removed"]'
run 0 diff d3 d4
out_has 'KEY  changed'
out_lacks 'CERT'
rm history.db.key
CERT=geheimnis-0 KEY=x run 4 deploy ci r2
run 0 diff d4 d5
out_has 'CERT  not known'
out_lacks 'geheimnis'

# Names of nothing.
run 2 diff d1 d9
err_has 'there is no deployment d9'
run 2 diff d1 r9
err_has 'r9'
run 2 diff d1 nosuch
err_has '"nosuch" is neither a deployment (d31) nor an environment'
run 2 diff ci prod
err_has 'nothing was deployed successfully in ci'
run 2 diff previous current
err_has 'of which environment?'
run 2 diff previous d1
err_has 'nothing was deployed successfully in ci'
run 2 diff d1
err_has 'B is missing'
sed -i 's/app: journal/app: other/' slipway.yml # without it, the history still knows its environments
run 2 diff ci prod --history history.db
err_has 'nothing was deployed successfully in ci'
