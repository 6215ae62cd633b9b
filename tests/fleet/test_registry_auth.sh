#!/bin/bash
# Private registries, with Basic and with token authentication: pulls work with the controller's credentials, nothing of these is on a
# host afterwards, and missing or expired ones are an error that says which registry, and where slipway looked.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one
OPEN=$(fleet registry address)
HERE=${OPEN%:*}
PASSWORD="pa55-$RANDOM$RANDOM$RANDOM"
export DOCKER_CONFIG=$WORK/docker
mkdir docker bin
PATH=$WORK/bin:$PATH

answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$1")" = "$2" ]; }

# bcrypt, as docker-registry wants it
hash_of() { perl -e 'print crypt($ARGV[0], q{$2b$05$abcdefghijklmnopqrstuu})' "$1"; }

# serve_registry NAME PORT AUTH: what was pushed to the fleet's own, behind a door; ends with this test.
serve_registry() {
  cat >"$1.yml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $FLEET/registry/data}}
http: {addr: "$HERE:$2"}
auth: $3
YAML
  OTEL_TRACES_EXPORTER=none setpriv --pdeathsig KILL docker-registry serve "$1.yml" >"$1.log" 2>&1 &
  wait_until 20 answers "http://$HERE:$2/v2/" 401
}

# keep_credentials REGISTRY PASSWORD: as `docker login` does.
keep_credentials() {
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$1" "$(printf 'deployer:%s' "$2" | base64 -w0)" >docker/config.json
}

# use_registry REGISTRY NAME: an application of its own, with a history of its own.
use_registry() {
  cat >slipway.yml <<YAML
app: $2
images: {web: $1/shop/web}
pipeline: [prod]
compose: compose.yml
history: $2.db
insecure_registries: ["$1"]
environments:
  prod:
    ssh: $(ssh_settings)
    health: {deadline: 30s, settle: 300ms}
    hosts:
$(host_entries one)
YAML
  printf 'services: {web: {image: "%s/shop/web:dev"}}\n' "$1" >compose.yml
}

# In no form, base64 of something around it neither, in no file that is the host's own.
expect_no_credential() {
  local before forms=(-e "$PASSWORD")
  for before in '' a aa; do forms+=(-e "$(printf '%s%s' "$before" "$PASSWORD" | base64 -w0 | cut -c 5-16)"); done
  run grep -rlF "${forms[@]}" "$FLEET/hosts/one"
  [ "$STATUS" = 1 ] || fail "the host has the password"
  run fleet exec one sh -c 'ls -d ~deploy/.docker ~deploy/.slipway/*/docker*'
  refute_out .
}

push web 1.0 >/dev/null
push web 2.0 >/dev/null
PRIVATE=$HERE:5001 TOKENS=$HERE:5002
echo "deployer:$(hash_of "$PASSWORD")" >htpasswd
echo "deployer:$PASSWORD" >password
serve_registry basic 5001 "{htpasswd: {realm: fleet, path: $WORK/htpasswd}}"
setpriv --pdeathsig KILL /usr/bin/python3 "$FLEET_TOOLS/token_server.py" "$HERE" 5003 "$WORK" &
wait_until 20 answers "http://$HERE:5003/?service=x" 401
serve_registry token 5002 "{token: {realm: 'http://$HERE:5003/', service: fleet, issuer: fleet, rootcertbundle: $WORK/token.crt}}"

begin "no credentials (4): the registry, and where slipway looked"
use_registry "$PRIVATE" basic
expect_exit 4 release 1.0
expect_err "registry $PRIVATE does not let us read shop/web \(401\); there is no $DOCKER_CONFIG/config.json with credentials for it: docker login $PRIVATE"
echo '{"auths": {"elsewhere:5000": {"auth": "eDp5"}}}' >docker/config.json
expect_exit 4 release 1.0
expect_err "$DOCKER_CONFIG/config.json has no credentials for it: docker login $PRIVATE"

begin "Basic authentication: the host pulls with the controller's credentials, and keeps none"
keep_credentials "$PRIVATE" "$PASSWORD"
expect_exit 0 release 1.0
expect_exit 0 slipway deploy prod 1.0
expect_no_credential
expect_same "$(container_field one web .State.Running)" true

begin "credentials that have expired (4): on the controller, and where only the host needs them; no container is changed"
expect_exit 0 release 2.0
before=$(all_containers one)
keep_credentials "$PRIVATE" "$PASSWORD-of-yesterday"
expect_exit 4 slipway release create --tag 2.0 --version 2.0.1
expect_err "$PRIVATE does not let us read shop/web .*; the credentials that $DOCKER_CONFIG/config.json has for it may have expired"
expect_exit 4 slipway deploy prod 2.0
expect_err "one: registry $PRIVATE does not let us read shop/web .*; the credentials that $DOCKER_CONFIG/config.json has for it may have expired"
refute_err "$PASSWORD"
expect_same "$before" "$(all_containers one)"
slipway down prod --yes >/dev/null 2>&1

begin "a helper that is missing, or that fails (4): its name, and who names it"
use_registry "$TOKENS" token
printf '{"credHelpers": {"%s": "vault"}}' "$TOKENS" >docker/config.json
expect_exit 4 release 1.0
expect_err "registry $TOKENS: $DOCKER_CONFIG/config.json: credentials for $TOKENS: docker-credential-vault: .*No such file"
printf '#!/bin/sh\necho sealed\nexit 1\n' >bin/docker-credential-vault
chmod +x bin/docker-credential-vault
expect_exit 4 release 1.0
expect_err "docker-credential-vault: exit status 1; to see why: echo $TOKENS \| docker-credential-vault get"

begin "token authentication, with credentials from a helper; the host keeps none"
# What is in the engine's store already would not be pulled.
fleet exec one sh -c 'docker image ls -q | xargs -r docker rmi -f' >/dev/null 2>&1
printf '#!/bin/sh\nprintf %s\n' "'{\"Username\": \"deployer\", \"Secret\": \"$PASSWORD\"}'" >bin/docker-credential-vault
expect_exit 0 release 1.0
expect_exit 0 slipway deploy prod 1.0
expect_same "$(container_field one web .State.Running)" true
expect_no_credential
grep -qF "$PASSWORD" token.db* && fail "the history has the password"
printf '#!/bin/sh\nprintf %s\n' "'{\"Username\": \"deployer\", \"Secret\": \"of-yesterday\"}'" >bin/docker-credential-vault
expect_exit 4 release 2.0
expect_err "does not let us read shop/web .*; credentials come from docker-credential-vault, which $DOCKER_CONFIG/config.json names"
