#!/bin/bash
# What is not the build's own: third-party images, Compose's interpolation, env_files, configs and secrets.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet ci1 e1:compose=v1 prod1 prod2 sand
make_shop ci=ci1 end2end=e1 prod=prod1,prod2 +sandbox=sand
SHOP_SERVICES='web proxy' write_compose # the others come later

digest_of_sidecar() { fleet image library/proxy:stable web "$1" | sed 's/.*@//'; }

begin "a sidecar's tag that moves between end2end and prod: prod runs end2end's"
old=$(digest_of_sidecar sidecar-1)
build 1.0
release 1.0 >/dev/null
expect_exit 0 slipway deploy ci 1.0
expect_exit 0 slipway promote end2end
new=$(digest_of_sidecar sidecar-2)
expect_other "$old" "$new"
expect_exit 0 slipway promote prod
for host in ci1 e1 prod1 prod2; do expect_same "$old" "$(container_digest "$host" proxy)"; done

begin "a sandbox outside the pipeline takes any release, and pins nothing for others"
build 2.0
release 2.0 >/dev/null
expect_exit 0 slipway deploy sandbox 2.0
expect_version 2.0 sand
expect_same "$new" "$(container_digest sand proxy)"
newer=$(digest_of_sidecar sidecar-3)
expect_exit 0 slipway deploy ci 2.0
expect_same "$newer" "$(container_digest ci1 proxy)"
expect_exit 2 slipway promote sandbox
expect_err 'outside the pipeline'

begin "--repin resolves anew"
expect_exit 0 slipway deploy end2end 1.0
expect_same "$old" "$(container_digest e1 proxy)"
web=$(container_id e1 web)
expect_exit 0 slipway deploy end2end 1.0 --repin
expect_same "$newer" "$(container_digest e1 proxy)"
expect_same "$web" "$(container_id e1 web)"
expect_exit 0 slipway deploy prod 1.0
expect_same "$newer" "$(container_digest prod1 proxy)"
expect_same "$newer" "$(container_digest prod2 proxy)"

begin "image strings with every form of interpolation"
fleet image library/side:t1 web side-1 >/dev/null
fleet image library/side:latest web side-latest >/dev/null
# service|image; FULL is set, EMPTY is empty, UNSET is not there
forms() {
  cat <<'EOF'
a|$REGISTRY_HOST/library/side:$FULL
b|${REGISTRY_HOST}/library/side:${FULL}
c|${REGISTRY_HOST}/library/side:${UNSET:-t1}
d|${REGISTRY_HOST}/library/side:${EMPTY:-t1}
e|${REGISTRY_HOST}/library/side:${UNSET-t1}
f|${REGISTRY_HOST}/library/side${EMPTY-:t1}
g|${REGISTRY_HOST}/library/side:${FULL:?must be set}
h|${REGISTRY_HOST}/library/side:${FULL?must be set}
EOF
}
{
  echo "services:"
  while IFS='|' read -r service image; do
    echo "  $service: {image: \"$image\", restart: always}"
  done < <(forms)
} >compose.forms.yml
cp slipway.yml slipway.forms.yml
sed -i "s|^compose: .*|compose: compose.forms.yml|; s|variables: {|&REGISTRY_HOST: \"$REGISTRY\", FULL: t1, EMPTY: \"\", |" \
  slipway.forms.yml
expect_exit 0 slipway -c slipway.forms.yml deploy prod 1.0
one=$(fleet image library/side:t1 web side-1 | sed 's/.*@//')
latest=$(fleet image library/side:latest web side-latest | sed 's/.*@//')
for service in a b c d e g h; do
  expect_same "$service $one" "$service $(container_digest prod1 "$service")"
  expect_same "$service $one" "$service $(container_digest prod2 "$service")"
done
expect_same "$latest" "$(container_digest prod1 f)"
expect_same '' "$(container_id prod1 web)"

# shellcheck disable=SC2016 # Compose expands them
for image in '${UNSET:?wants a tag}' '${EMPTY:?wants a tag}'; do
  echo "services: {a: {image: \"$REGISTRY/library/side:$image\"}}" >compose.forms.yml
  expect_exit 2 slipway -c slipway.forms.yml deploy prod 1.0
  expect_err 'compose.forms.yml:1:[0-9]+: .*wants a tag'
done

begin "the forms that only Compose v2 knows"
# shellcheck disable=SC2016
{
  echo 'services:'
  echo "  a: {image: \"$REGISTRY/library/side\${FULL:+:t1}\", restart: always}"
  echo "  b: {image: \"$REGISTRY/library/side\${UNSET+:nosuch}\", restart: always}"
  echo "  c: {image: \"$REGISTRY/library/side:\${UNSET:-\${EMPTY:-\${FULL}}}\", restart: always}"
} >compose.forms.yml
expect_exit 0 slipway -c slipway.forms.yml deploy sandbox 1.0
expect_same "$one $latest $one" \
  "$(container_digest sand a) $(container_digest sand b) $(container_digest sand c)"

begin "a changed variable recreates just the services that use it, an env_file its service"
cat >compose.yml <<YAML
services:
  web:
    image: $REGISTRY/shop/web
    restart: always
    environment: {GREETING: "\${GREETING}"}
  api:
    image: $REGISTRY/shop/api
    restart: always
    env_file: [api.env]
  proxy:
    image: $REGISTRY/library/proxy:stable
    restart: always
    environment: {UNUSED: "no \$\$GREETING here"}
YAML
echo "LEVEL=low" >api.env
ids() {
  local host service
  for host in prod1 prod2; do
    for service in "$@"; do container_id "$host" "$service"; done
  done
}
expect_exit 0 slipway deploy prod 1.0
others=$(ids api proxy) web=$(ids web)
sed -i 's/hello from prod/good day from prod/' slipway.yml
expect_exit 0 slipway deploy prod 1.0
expect_same "$others" "$(ids api proxy)"
expect_other "$web" "$(ids web)"
others=$(ids web proxy) api=$(ids api)
echo "LEVEL=high" >api.env
expect_exit 0 slipway deploy prod 1.0
expect_same "$others" "$(ids web proxy)"
expect_other "$api" "$(ids api)"
for host in prod1 prod2; do
  expect_exit 0 fleet docker "$host" exec "$(container_id "$host" api)" env
  expect_out '^LEVEL=high$'
done

begin "configs and secrets from files: their services are recreated, no others"
cat >compose.yml <<YAML
services:
  web:
    image: $REGISTRY/shop/web
    restart: always
    configs: [{source: words, target: /etc/words}]
  api:
    image: $REGISTRY/shop/api
    restart: always
    secrets: [word]
configs: {words: {file: ./words.txt}}
secrets: {word: {file: ./word.txt}}
YAML
echo "first words" >words.txt
echo "first word" >word.txt
expect_exit 0 slipway deploy sandbox 1.0
expect_exit 0 fleet docker sand exec "$(container_id sand web)" cat /etc/words
expect_out 'first words'
expect_exit 0 fleet docker sand exec "$(container_id sand api)" cat /run/secrets/word
expect_out 'first word'
web=$(container_id sand web) api=$(container_id sand api)
echo "second words" >words.txt
expect_exit 0 slipway deploy sandbox 1.0
expect_exit 0 fleet docker sand exec "$(container_id sand web)" cat /etc/words
expect_out 'second words'
expect_other "$web" "$(container_id sand web)"
expect_same "$api" "$(container_id sand api)"
expect_exit 0 slipway rollback sandbox
expect_exit 0 fleet docker sand exec "$(container_id sand web)" cat /etc/words
expect_out 'first words'
