#!/bin/sh
# Takes the environment's lock, if asked, and tells what facts.c wants to know of the host.
# $1: place (APP--ENV); $2: holder line, empty: do not lock and create nothing; $3: the engine's socket.
# Runs in the shell that stays open, which then holds the lock as descriptor 9, as does what it starts.
# Tells `name value` or `name:length` and so many bytes, each ended by NUL. Statuses: 69 a tool is missing,
# 73 nothing can be written here, 75 another holds the lock.
# No backslash before a quote or a backslash: see shell-loop.sh.

slipway_tell() {
  printf '%s %s\0' "$1" "$2"
}

# $1: name; $2: file; $3: how much of its end, at most. Nothing when there is no such file.
slipway_tell_end() {
  [ -f "$2" ] && [ -r "$2" ] || return 0
  slipway_size=$(wc -c <"$2") slipway_from=1
  if [ "$slipway_size" -gt "$3" ]; then
    slipway_from=$((slipway_size - $3 + 1)) slipway_size=$3
  fi
  printf '%s:%d\0' "$1" "$slipway_size"
  tail -c "+$slipway_from" <"$2" | head -c "$slipway_size"
  printf '\0'
}

slipway_find_tools() {
  slipway_missing=
  for slipway_tool in flock timeout head tail tar stat wc mktemp sync; do
    command -v "$slipway_tool" >/dev/null || slipway_missing="$slipway_missing $slipway_tool"
  done
  [ -z "$slipway_missing" ] && return
  slipway_tell missing "${slipway_missing# }"
  return 69
}

# $1: the environment's folder; $2: holder.
slipway_take_lock() {
  (umask 077 && mkdir -p "$1/releases" "$1/files" && : >>"$1/lock") || return 73
  exec 9>>"$1/lock"
  if ! flock -n 9; then
    exec 9>&-
    slipway_tell_end holder "$1/lock" 1024
    return 75
  fi
  printf '%s\n%s\n' "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$1/lock" || return 73
}

slipway_find_compose() {
  for slipway_folder in "$HOME/.docker/cli-plugins" /usr/local/lib/docker/cli-plugins \
    /usr/local/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
    if [ -x "$slipway_folder/docker-compose" ]; then
      echo plugin
      return
    fi
  done
  slipway_compose=$(command -v docker-compose) || return 0
  # Version 1 is a Python script, or a bundle of one; only the latter has to be asked, which takes a moment.
  if [ "$(head -c 2 "$slipway_compose")" = '#!' ]; then
    echo v1
  else
    case $(docker-compose version --short 2>/dev/null) in
      1.*) echo v1 ;;
      *) echo standalone ;;
    esac
  fi
}

slipway_tell_engine() {
  if [ ! -S "$1" ]; then
    slipway_tell engine missing
  elif [ -r "$1" ] && [ -w "$1" ]; then
    slipway_tell engine usable
  else
    slipway_tell engine denied
    slipway_tell user "$(id -un)"
    slipway_tell group "$(stat -L -c %G -- "$1")"
  fi
}

# $1: the environment's folder; $2: the engine's socket.
slipway_tell_facts() {
  slipway_tell home "$HOME"
  slipway_tell folder "$1"
  slipway_tell hostname "$(uname -n)"
  slipway_machine=
  [ -r /etc/machine-id ] && read -r slipway_machine </etc/machine-id
  slipway_tell machine_id "$slipway_machine"
  slipway_tell compose "$(slipway_find_compose)"
  slipway_tell_engine "$2"
  slipway_place=$1
  [ -d "$slipway_place" ] || slipway_place=$HOME
  slipway_tell space "$(stat -f -c '%a %S %d %c' -- "$slipway_place")"
  slipway_tell clock "$(date +%s%N)"
  [ -L "$1/current" ] && slipway_tell current "$(readlink -- "$1/current")"
  slipway_tell_end manifest "$1/current/manifest.json" 1048577
  slipway_tell_end journal "$1/journal.jsonl" 262145
  for slipway_entry in "$1"/releases/* "$1"/files/*; do
    [ -e "$slipway_entry" ] || continue
    slipway_kind=${slipway_entry%/*}
    slipway_tell "${slipway_kind##*/}" "${slipway_entry##*/}"
  done
}

slipway_open() {
  slipway_find_tools || return
  if [ -n "$2" ]; then
    slipway_take_lock "$HOME/.slipway/$1" "$2" || return
  fi
  (slipway_tell_facts "$HOME/.slipway/$1" "$3")
}
slipway_open "$@"
