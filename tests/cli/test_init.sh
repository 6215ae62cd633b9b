#!/bin/bash
# `init`: what it writes passes `config`, Compose files that are there are used, and nothing is ever overwritten.
# shellcheck disable=SC2016 # what Compose follows, no shell does
. "$(dirname "$0")/lib.sh"

# An empty folder.
mkdir 'My Shop_2' && cd 'My Shop_2'
run 0 init
out_has 'wrote slipway.yml and compose.yml'
run 0 config
out_has 'app: my-shop-2'
out_has 'compose: [compose.yml]'
run 0 config prod --json
out_json '.[0].environments.prod.protected'
if command -v docker-compose >/dev/null; then
  docker-compose -f compose.yml config >/dev/null || fail 'Compose does not like compose.yml'
fi

# Twice is refused, and nothing is touched; so is a file that only a link stands for.
cp slipway.yml before.yml
run 2 init
err_has 'slipway.yml is there already; nothing was written'
cmp -s slipway.yml before.yml || fail 'slipway.yml was overwritten'
mkdir ../link && cd ../link
ln -s nowhere slipway.yml
run 2 init
[ ! -e compose.yml ] || fail 'compose.yml was written all the same'

# A Compose file that is there: what is built is the release, the rest is pinned, what lacks an image is named.
mkdir ../built && cd ../built
cat >docker-compose.yml <<'YAML'
services:
  web: {build: ., image: "${REGISTRY:-registry.example.org:5000}/shop/web:${TAG:-latest}"}
  worker: {build: ., image: "registry.example.org:5000/shop/web"}
  api: {build: ./api, image: registry.example.org:5000/api/web}
  cache: {image: "redis:7"}
  stub: {build: ./stub}
YAML
cp docker-compose.yml before.yml
run 0 init --app shop
out_has 'images of the build: registry.example.org:5000/shop/web, registry.example.org:5000/api/web'
out_has 'redis'
out_has 'give an image to: stub'
cmp -s docker-compose.yml before.yml || fail 'the Compose file was changed'
[ ! -e compose.yml ] || fail 'a second Compose file was written'
run 0 config --json
out_json '.[0].images == {"web": "registry.example.org:5000/shop/web", "api": "registry.example.org:5000/api/web"}'
out_json '.[0].app == "shop" and .[0].environments.ci.compose == ["docker-compose.yml"]'

# Nothing is built here: what is not Docker Hub's.
mkdir ../pulled && cd ../pulled
printf 'services: {web: {image: ghcr.io/me/web}, db: {image: postgres}}\n' >compose.yaml
run 0 init --json
out_json '.[0].images == ["ghcr.io/me/web"] and .[0].other_images == ["postgres"] and .[0].written == ["slipway.yml"]'

# What cannot be used is said, and nothing is written.
mkdir ../bad && cd ../bad
echo 'services: [' >compose.yml
run 2 init
err_has 'compose.yml:'
[ ! -e slipway.yml ] || fail 'slipway.yml was written'
rm compose.yml
run 2 init --app 'Not a Name'
err_has 'app'
run 2 init -c other.yml
err_has 'leave --config away'
run 2 init there
err_has 'one argument too many'
[ "$(echo *)" = 'err out' ] || fail "files were written: $(echo *)"
