#!/bin/sh
# The shell that stays open on a host (environments/hosts/shell.c): reads framed scripts from stdin, answers each one.
# $1: marker that ends every answer; $2: seconds without a frame after which the controller counts as gone (0: never);
# $3: the opening script, which runs in this very shell; the rest: its arguments.
# It comes through the user's login shell in single quotes: for fish's sake no backslash before a quote or a backslash.
slipway_marker=$1 slipway_idle=$2 slipway_opening=$3
shift 3

slipway_answer() {
  printf '%s %d\n' "$slipway_marker" "$1"
  printf '%s\n' "$slipway_marker" >&2
}

cd || exit 1
# Whatever a login shell's start-up files wrote is the answer to nothing; then comes the opening's.
slipway_answer 0
eval "$slipway_opening" </dev/null
slipway_answer $?

# A header is 32 bytes: script length, input length, newline. An empty script is a heartbeat.
while slipway_header=$(timeout "$slipway_idle" head -c 32) && [ "${#slipway_header}" -eq 31 ]; do
  [ "${slipway_header%% *}" -eq 0 ] && continue
  slipway_script=$(head -c "${slipway_header%% *}")
  slipway_input=${slipway_header#* }
  if [ "$slipway_input" -eq 0 ]; then
    (eval "$slipway_script") </dev/null
  else
    # What the script leaves unread is drained, so that the next header is where it should be.
    head -c "$slipway_input" | {
      (eval "$slipway_script")
      slipway_status=$?
      cat >/dev/null
      exit "$slipway_status"
    }
  fi
  slipway_answer $?
done
