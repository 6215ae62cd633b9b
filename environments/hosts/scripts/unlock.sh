#!/bin/sh
# Shows who holds the lock of an environment's folder, and frees it. With functions of opening.sh, which has run in this shell.
# $1: the folder; $2: `look`, which tells, or `free`, with $3 holder, $4 since and $5 run as `look` told them; $6: our own
# holder line; $7: which run of slipway we are. `free` ends the processes that hold the lock, and takes over a folder of
# another machine. Both tell what facts.c and lock.c want to know, then. Status 73: nothing can be written here.

slipway_is_held() {
  [ -e "$1/lock" ] && ! flock -n "$1/lock" true
}

slipway_look() {
  slipway_read_lock "$1"
  slipway_tell_lock
  slipway_is_held "$1" || return 0
  slipway_tell held yes
  slipway_tell processes "$(slipway_describe_holders "$1")"
}

# $1: the folder; $2: the signal; $3: the holder that was asked about: another one's lock by now is left alone. Five seconds at
# most, until nobody else holds it.
slipway_end_holders() {
  slipway_tries=50
  while slipway_is_held "$1"; do
    slipway_read_lock "$1"
    # shellcheck disable=SC2154 # set by slipway_read_lock
    [ "$slipway_holder/$slipway_since/$slipway_run" = "$3" ] || return 0
    slipway_tries=$((slipway_tries - 1))
    [ "$slipway_tries" -ge 0 ] || return
    # TERM is said once: programs take a second one for impatience. KILL is for what was started meanwhile, too.
    if [ "$2" = KILL ] || [ "$slipway_tries" -eq 49 ]; then
      for slipway_pid in $(slipway_list_holders "$1"); do
        kill -s "$2" "$slipway_pid"
      done
    fi
    sleep 0.1
  done
}

# $1: the folder; $2: our holder line; $3: which run we are.
slipway_take_over() {
  exec 9>>"$1/lock" || return 73
  flock -n 9 || return 0
  slipway_write_lock "$@" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

slipway_free() {
  { slipway_end_holders "$1" TERM "$2/$3/$4" || slipway_end_holders "$1" KILL "$2/$3/$4"; } 2>/dev/null
  slipway_read_lock "$1"
  if slipway_is_elsewhere; then
    (slipway_take_over "$1" "$5" "$6")
  fi
}

slipway_folder=$1 slipway_action=$2
shift 2
if [ "$slipway_action" = free ]; then
  slipway_free "$slipway_folder" "$@" || exit
fi
slipway_look "$slipway_folder"
