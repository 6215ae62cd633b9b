#!/bin/bash
# A host without room for what it must pull: said with the numbers, before anything is pulled.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet roomy small:size=40m few:inodes=700
make_shop ci=roomy tight=roomy,small scarce=roomy,few
push web 1.0 web --size 30 >/dev/null
push api 1.0 >/dev/null
release 1.0 >/dev/null

images() { fleet docker "$1" image ls -q | wc -l; }

begin "too little space: exit 4, the numbers, and it has pulled nothing"
expect_exit 4 slipway deploy tight 1.0 --force --reason test
expect_err 'small: not enough disk: about [0-9.]+ MB needed, [0-9.]+ MB free in '
expect_same "$(images small)" 0

begin "too few inodes"
expect_exit 4 slipway deploy scarce 1.0 --force --reason test
expect_err 'few: not enough inodes: about [0-9]+ needed, [0-9]+ free in '
expect_same "$(images few)" 0
