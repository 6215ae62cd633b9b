#!/bin/bash
# Secrets: both Composes give containers the same bytes, and they are seen nowhere else.
# shellcheck disable=SC2016 # what stands in single quotes is for containers and Compose
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
make_shop ci=one +old=two
readonly VALUE='s3cr/t+V@lue&$HOME"q'
printf '%s' "$VALUE" >value
printf -- '-----BEGIN PRIVATE KEY-----\n$PATH ${x} "double" '\''single'\'' \\n `id`\n\nlast line\n-----END PRIVATE KEY-----\n\n' >key.pem
cat >give <<'SH'
#!/bin/sh
cat value
cat value >&2
echo asked >>asked
SH
chmod +x give
python3 - value >shapes <<'PY'
import base64, sys, urllib.parse
value = open(sys.argv[1]).read()
print(value)
print(base64.b64encode(value.encode()).decode())
print(urllib.parse.quote(value, safe=""))
print("".join("%%%02x" % byte for byte in value.encode()))
PY
sed -i 's|^    variables: {|    secrets:\
      API_KEY: {command: [./give]}\
      SAME: {command: [./give]}\
      PEM: {file: key.pem}\
      TLS_KEY: {file: key.pem, mount: tls_key}\
&|' slipway.yml
write_shop() {
  cat >compose.yml <<YAML
version: "3.8"
services:
  web:
    image: $REGISTRY/shop/web:dev
    restart: unless-stopped
    environment:
      API_KEY: "\${API_KEY:?}"
      PEM:
    $1
  api:
    image: $REGISTRY/shop/api:dev
    restart: unless-stopped
    secrets: [tls_key]
secrets: {tls_key: {file: ./not/here.pem}}
YAML
}
write_shop ''

# Everything that is said, kept, and in any process's command line, for `seen`.
transcript=$WORK/transcript.log
sample_processes() {
  while sleep 0.05; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -aFf shapes >>processes.log || true; done
}
sample_processes &
sampler=$!
trap 'status=$?; set +e; kill $sampler 2>/dev/null; (exit $status); end_test' EXIT
try() {
  expect_exit "$@"
  cat "$WORK/.stdout" "$WORK/.stderr" >>"$transcript"
}
seen() { grep -caFf shapes "$@" | grep -v ':0$\|^0$' || true; }

# of HOST SERVICE COMMAND: what it prints there, byte by byte.
bytes() { fleet docker "$1" exec "$(container_id "$1" "$2")" sh -c "$3" | od -An -v -tx1; }

begin "both Composes see the bytes of the provider, less one newline"
build 1.0
release 1.0 >/dev/null
for environment in ci old; do try 0 slipway deploy "$environment" 1.0; done
expected_pem=$(head -c -1 key.pem | od -An -v -tx1)
expected_value=$(od -An -v -tx1 value)
for host in one two; do
  expect_same "$expected_value" "$(bytes "$host" web 'printf %s "$API_KEY"')"
  expect_same "$expected_pem" "$(bytes "$host" web 'printf %s "$PEM"')"
  expect_same "$expected_pem" "$(bytes "$host" api 'cat /run/secrets/tls_key')"
done

begin "the same command is asked once a run"
expect_same 2 "$(wc -l <asked)"

begin "nothing has changed: nothing is recreated; another mounted key: just its service is"
web=$(container_id one web) api=$(container_id one api)
try 0 slipway deploy ci 1.0
expect_same "$web $api" "$(container_id one web) $(container_id one api)"
sed -i 's|TLS_KEY: {file: key.pem|TLS_KEY: {file: other.pem|' slipway.yml
echo "another key" >other.pem
try 0 slipway plan ci 1.0
expect_out 'api'
try 0 slipway deploy ci 1.0
expect_same "$web" "$(container_id one web)"
expect_other "$api" "$(container_id one api)"
expect_same "another key" "$(fleet docker one exec "$(container_id one api)" cat /run/secrets/tls_key)"

begin "a plan leaves nothing, nor does one that is killed"
no_plans() { [ -z "$(fleet exec one sh -c 'ls -d /home/deploy/.slipway-plan-* 2>/dev/null')" ]; }
no_plans || fail "a plan's folder is still there"
fleet exec one timeout 30 sh -c 'until [ -e "$(echo /home/deploy/.slipway-plan-*/lock)" ]; do :; done' &
watcher=$!
"$SLIPWAY" plan ci 1.0 >/dev/null 2>&1 &
planner=$!
wait "$watcher" || fail 'no plan was seen at work'
kill -KILL "$planner" 2>/dev/null || true
wait_until 20 no_plans

begin "a container and its probe that print it: it is said that they failed, not what they print"
push web 2.0 >/dev/null
push api 2.0 >/dev/null
release 2.0 >/dev/null
say='echo said $$API_KEY; printf %s "$$API_KEY" | busybox base64 -w 0; printf %s "$$API_KEY" | busybox od -An -v -tx1 | busybox tr " " % | busybox tr -d "\n"'
write_shop "command: [sh, -c, '$say; exec httpd -f -p 8080 -h /tmp']
    healthcheck: {test: [CMD, sh, -c, '$say; exit 1'], interval: 300ms, retries: 1}"
try 1 slipway deploy old 2.0
expect_err 'probe: said \*\*\*'
expect_err 'log: said \*\*\*'
try 1 slipway deploy ci 2.0 --json
expect_out 'said \*\*\*'
try 0 slipway show d1
try 0 slipway history ci --json

begin "Compose that fails on it"
write_shop 'cpus: "${API_KEY}"'
for environment in ci old; do
  try 4 slipway deploy "$environment" 2.0
  expect_err 'Compose refuses the configuration'
done

begin "an image may not depend on it, a mounted one has to be asked for"
write_shop ''
sed -i 's|shop/web:dev|shop/web:${API_KEY}|' compose.yml
try 2 slipway deploy ci 2.0
expect_err 'compose.yml:4:12: image depends on the secret API_KEY'
write_shop ''
sed -i '/^secrets/d; /secrets: \[/d' compose.yml
try 2 slipway deploy ci 2.0
expect_err 'TLS_KEY: its mount "tls_key" is not among the secrets'
write_shop ''

begin "secrets that cannot be had are all named, before any host is asked"
mv value value.away
printf '#!/bin/sh\ncat value.away >&2; cat value.away; exit 1\n' >give
rm other.pem
try 4 slipway deploy ci 2.0
refute_err 'connect'
expect_err '3 of 4 secrets could not be had; no host was contacted'
expect_err 'API_KEY: the command ./give: exit status 1'
expect_err 'TLS_KEY: the file .*/other.pem: '
try 4 slipway check ci
expect_out 'secret .*NOT OK .*API_KEY: the command ./give'
expect_out 'secret .*ok .*PEM: the file .*key.pem has it'
try 0 slipway config ci
expect_out 'command: .*give'

begin "in no output, process list, history, nor a file that others may read"
kill "$sampler"
expect_same '' "$(seen "$transcript" processes.log history.db history.db-wal)"
expect_same 600 "$(stat -c %a history.db.key)"
fleet exec two sh -c 'cat >/tmp/shapes' <shapes
found=$(fleet exec two sh -c 'cd /; grep -rlaFf /tmp/shapes --exclude-dir=docker --exclude-dir=containerd --exclude=shapes home run tmp usr/local 2>/dev/null' || true)
expect_other '' "$found"
for file in $found; do expect_same "600 /$file" "$(fleet exec two stat -c '%a /%n' "$file")"; done
expect_same 0 "$(fleet exec two sh -c 'find /home/deploy/.slipway/*/secrets -type f ! -perm 600 | wc -l')"
