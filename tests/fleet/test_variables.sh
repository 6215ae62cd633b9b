#!/bin/bash
# Variables: the bytes that a container sees, with both Compose versions; references; --set for one deployment; and what
# `diff` and `show` say of them.
# shellcheck disable=SC2016 # what slipway and Compose follow, no shell does
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
SHOP_SERVICES='web api'
make_shop ci=one,two
cat >>slipway.yml <<'YAML'
    rollout: {batch: 100%}
YAML
python3 - <<'PYTHON'
import re
text = open("slipway.yml").read()
text = text.replace('variables: {GREETING: "hello from ci"}', r'''variables:
      BYTES: "it's \"quoted\" \\ `date` $(date) 5$ $nobody $$ %s #no \t*~é\n  second line\n"
      PEM: |
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBg+/kq==
        -----END PRIVATE KEY-----
      GREETING: "hello from ${WHO}"
      WHO: "${env:WHO:-nobody} with ${SLIPWAY_VERSION}"''')
open("slipway.yml", "w").write(text)
text = open("compose.yml").read()
text = text.replace('environment: {GREETING: "${GREETING:-nobody}"}', '''environment:
      GREETING: "${GREETING:-nobody}"
      BYTES: "${BYTES}"
      PEM: "${PEM}"''')
open("compose.yml", "w").write(text)
open("bytes", "w").write("it's \"quoted\" \\ `date` $(date) 5$ $nobody $ %s #no \t*~é\n  second line\n")
open("pem", "w").write("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg+/kq==\n-----END PRIVATE KEY-----\n")
PYTHON

# bytes_of HOST VARIABLE: in the web container
bytes_of() { fleet docker "$1" exec "$(container_id "$1" web)" sh -c "printf %s \"\$$2\" | od -An -tx1"; }

greeting_of() { fleet docker "$1" exec "$(container_id "$1" web)" sh -c 'echo "$GREETING"'; }

begin "every byte of a value reaches the container, whatever Compose is there"
build 1.0
release 1.0 >/dev/null
expect_exit 0 slipway deploy ci 1.0
for host in one two; do
  expect_same "$(od -An -tx1 <bytes)" "$(bytes_of "$host" BYTES)"
  expect_same "$(od -An -tx1 <pem)" "$(bytes_of "$host" PEM)"
done

begin "references are followed, also to the environment of slipway itself"
expect_same 'hello from nobody with 1.0' "$(greeting_of one)"
WHO=me expect_exit 0 slipway plan ci
expect_out 'variable GREETING  hello from nobody with 1.0 -> hello from me with 1.0'

begin "--set holds for one deployment, and is recorded with it"
api=$(container_id one api)
expect_exit 0 slipway deploy ci --set 'WHO=you & "me" $1' --set NEW=1
for host in one two; do
  expect_same 'hello from you & "me" $1' "$(greeting_of "$host")"
done
expect_same "$api" "$(container_id one api)"
expect_exit 0 slipway show d2
expect_out '^set +NEW=1$'
expect_out '^set +WHO=you & "me" \$1$'
expect_exit 0 slipway diff previous ci
expect_out '^d1 \(ci, r1, 1\.0\) -> d2 \(ci, r1, 1\.0\)$'
expect_out '^variable NEW  \(none\) -> 1$'
refute_out 'BYTES'
expect_exit 0 slipway diff current d1 --json
expect_json '.from.deployment' d2

begin "the next deployment would go back to slipway.yml, and a rollback has the values of then"
expect_exit 0 slipway plan ci
expect_out '^variable NEW  1 -> \(none\)$'
WHO=me expect_exit 0 slipway rollback ci --yes
expect_same 'hello from nobody with 1.0' "$(greeting_of two)"
