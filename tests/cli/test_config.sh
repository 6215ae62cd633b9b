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

# A file with every key there is: what is printed means the same, the whole and each environment alone, and tells of
# secrets only where they come from.
cat >every.yml <<'YAML'
app: journal
images: {web: registry.example.org/journal/web}
pipeline: [ci, prod]
compose: deploy/compose.yml
history: state/journal.db
insecure_registries: ["10.0.0.5:5000"]
defaults: {retain: 3}
environments:
  ci:
    hosts: [local]
    ephemeral: true
    compose: deploy/compose.ci.yml
  prod:
    ssh: {user: deploy, port: 2222, key: [a, b], agent: false, known_hosts: known, host_keys: accept-new,
          connect_timeout: 3s, keepalive: 1s, proxy_command: "nc %h %p", client: libssh2}
    engine: /run/x.sock
    max_hosts: 9
    hosts:
      - {name: web1, address: 10.0.0.1, id: i-1, profiles: [worker], engine: /run/y.sock,
         ssh: {proxy_command: none, proxy_jump: "me@bastion:22"}}
      - ec2: {region: [eu-west-1, us-east-1], tags: {App: journal}, address: dns, profile: live}
        profiles: [worker]
      - {command: [./list-hosts, prod], timeout: 5s, ssh: {client: openssh}, engine: /run/z.sock}
    compose: [deploy/compose.prod.yml]
    files: [deploy/prod]
    variables: {URL: "https://${HOST:-x}", HOST: "${env:HOST}", ODD: "a: 'b'\n$c\t#"}
    secrets:
      A: {env: A_SECRET}
      B: {file: b.txt, mount: b}
      C: {command: [vault, get, c], timeout: 9s}
      D: {dotenv: d.env, key: E, command: [sops, -d]}
    health: {deadline: 90s, settle: 0s, restarts: 0, early: false,
             http: [{url: "http://localhost/", expect: 204, from: controller}]}
    rollout: {canary: 1, batch: 50%, pause: 10s, on_failure: stop}
    tasks:
      before: [{name: migrate, service: web, command: [bin/migrate, ""], timeout: 1m, stdin: fixtures.sql}]
      verify: [{name: tests, service: web, command: [./tests], on: all, environments: [ci, prod],
                artifacts: ["report.xml:build/report.xml"]}]
      after: [{name: tell, command: [./tell]}]
      run: [{name: shell, service: web, command: [sh]}]
      before_host: [{name: drain, command: [./lb, out], timeout: 2m}]
      after_host: [{name: add, command: [./lb, in]}]
    gates: {requires: [ci], soak: 10m, approvals: 2, window: ["Mon-Fri 09:00-17:00 Europe/London"], command: [./gate],
            timeout: 2m}
    protected: true
    retain: 7
YAML
run 0 config --keys
sed -E 's/ .*//; s/.*[].]//; /^NAME$/d' out | sort -u >keys
[ "$(wc -l <keys)" -gt 50 ] || fail 'the list of keys is short'
while read -r key; do
  grep -Eq "(^|[ {])$key:" every.yml || fail "the file that has every key lacks $key"
done <keys
export A_SECRET=geheimnis
printf geheimnis >b.txt
for environment in '' ci prod; do
  # shellcheck disable=SC2086 # the first one is no word
  run 0 config $environment -c every.yml
  out_lacks geheimnis
  cp out effective.yml
  # shellcheck disable=SC2086
  run 0 config $environment -c effective.yml
  cmp -s out effective.yml || fail "the effective configuration $environment does not parse to itself"
done
out_has 'env: A_SECRET'
run 0 config prod -c every.yml --json
cp out once.json
run 0 config prod -c effective.yml --json
cmp -s out once.json || fail 'the effective configuration means something else'

# The example's.
cp -r "$HERE/../../examples/journal" example
run 0 config -c example/slipway.yml
cp out example/effective.yml
run 0 config -c example/effective.yml
cmp -s out example/effective.yml || fail "the example's effective configuration does not parse to itself"

run 2 status -c nosuch.yml
err_has 'nosuch.yml'

run 0 config --keys
out_has 'protected'
(cd / && "$SLIPWAY" config --keys) | grep -q insecure_registries
