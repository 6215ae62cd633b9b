#!/bin/sh
# Takes the environment's lock, if asked, and tells what facts.c wants to know of the host.
# $1: place (APP--ENV); $2: holder line, empty: do not lock and create nothing; $3: the engine's socket; $4: which run of slipway.
# Runs in the shell that stays open, which then holds the lock as descriptor 9, as does what it starts.
# Tells `name value` or `name:length` and so many bytes, each ended by NUL. Statuses: 69 a tool is missing,
# 73 nothing can be written here, 75 another holds the lock, 76 the folder belongs to another machine.
# Scripts that come later (unlock.sh) find these functions in the shell.
# No backslash before a quote or a backslash: see shell-loop.sh.
# It runs on every host at every connection, and a process costs it half a millisecond: so builtins where they do.

slipway_tell() {
  printf '%s %s\0' "$1" "$2"
}

# $1: name; $2: file; $3: how much of its end, at most. Nothing when there is no such file.
slipway_tell_end() {
  [ -f "$2" ] && [ -r "$2" ] || return 0
  slipway_size=$(wc -c <"$2")
  if [ "$slipway_size" -gt "$3" ]; then
    printf '%s:%d\0' "$1" "$3"
    tail -c "+$((slipway_size - $3 + 1))" <"$2" | head -c "$3"
  else
    printf '%s:%d\0' "$1" "$slipway_size"
    head -c "$slipway_size" <"$2"
  fi
  printf '\0'
}

slipway_head_stops() {
  printf '%s\n' a b | {
    head -c 2 >/dev/null
    slipway_rest=
    IFS= read -r slipway_rest
    [ "$slipway_rest" = b ]
  }
}

slipway_find_tools() {
  slipway_missing=
  for slipway_tool in flock timeout head tail tar stat wc mktemp sync sed tr grep; do
    command -v "$slipway_tool" >/dev/null || slipway_missing="$slipway_missing $slipway_tool"
  done
  # The shell that stays reads its frames with it; busybox's reads ahead, and would eat what follows.
  if [ -z "$slipway_missing" ]; then
    slipway_head_stops && return
    slipway_missing=' a head that reads no more than it is told'
  fi
  slipway_tell missing "${slipway_missing# }"
  return 69
}

# Into $slipway_machine; empty where the machine has no id (yet).
slipway_find_machine() {
  slipway_machine=
  [ -r /etc/machine-id ] && IFS= read -r slipway_machine </etc/machine-id
  case $slipway_machine in *[!0-9a-f]*) slipway_machine= ;; esac
}

# $1: the environment's folder. Who has, or had, the lock, since when, and which run of slipway that is; and the machine that the
# folder belongs to: what the lock file says, else the manifest of what is current.
slipway_read_lock() {
  slipway_holder='' slipway_since='' slipway_owner='' slipway_run=''
  if [ -r "$1/lock" ]; then
    {
      IFS= read -r slipway_holder
      IFS= read -r slipway_since
      IFS= read -r slipway_owner
      IFS= read -r slipway_run
    } <"$1/lock"
  fi
  if [ -z "$slipway_owner" ] && [ -r "$1/current/manifest.json" ]; then
    slipway_owner=$(sed -n 's/.*"machine_id": *"\([0-9a-f]*\)".*/\1/p' "$1/current/manifest.json" | head -n 1)
  fi
}

slipway_is_elsewhere() {
  [ -n "$slipway_owner" ] && [ -n "$slipway_machine" ] && [ "$slipway_owner" != "$slipway_machine" ]
}

# $1: the environment's folder. Prints the id of each process that has the lock file open, and may be seen.
slipway_list_holders() {
  slipway_last=
  for slipway_fd in /proc/[0-9]*/fd/*; do
    # shellcheck disable=SC3013 # dash, bash, busybox and ksh all have -ef, and a `find` per process is dear
    [ "$slipway_fd" -ef "$1/lock" ] || continue
    slipway_fd=${slipway_fd#/proc/}
    [ "${slipway_fd%%/*}" = "$slipway_last" ] && continue
    slipway_last=${slipway_fd%%/*}
    echo "$slipway_last"
  done
}

# A line for each: id, name and command line, apart by tabs. The shell that slipway talks to has no name, for its command line
# is this script; when it has lost its slipway, and so went to process 1, it is called (gone).
slipway_describe_holders() {
  slipway_list_holders "$1" | while read -r slipway_pid; do
    IFS= read -r slipway_name <"/proc/$slipway_pid/comm" || continue
    slipway_words=$(head -c 65536 "/proc/$slipway_pid/cmdline" | tr '\n\t\0' '  \n')
    if [ "$(printf '%s' "$slipway_words" | sed -n 4p)" = slipway ]; then
      slipway_name='' slipway_words="the shell of slipway"
      if grep -q '^PPid:[[:space:]]*1$' "/proc/$slipway_pid/status"; then
        slipway_name='(gone)' slipway_words="the shell of a slipway that is gone"
      fi
    fi
    slipway_words=$(printf '%s' "$slipway_words" | head -c 300 | tr '\n' ' ')
    printf '%s\t%s\t%s\n' "$slipway_pid" "$slipway_name" "$slipway_words"
  done 2>/dev/null
}

# What slipway_read_lock has read.
slipway_tell_lock() {
  slipway_tell machine_id "$slipway_machine"
  slipway_tell owner "$slipway_owner"
  slipway_tell holder "$slipway_holder"
  slipway_tell since "$slipway_since"
  slipway_tell run "$slipway_run"
}

# $1: the environment's folder; $2: holder; $3: which run of slipway; $4: now. The lines that slipway_read_lock reads.
slipway_write_lock() {
  printf '%s\n%s\n%s\n%s\n' "$2" "$4" "${slipway_machine:-$slipway_owner}" "$3" >"$1/lock" || return 73
}

# $1: the environment's folder; $2: holder; $3: which run of slipway.
slipway_take_lock() {
  (umask 077 && mkdir -p "$1/releases" "$1/files" && : >>"$1/lock") || return 73
  slipway_clock=$(date -u '+%s%N %Y-%m-%dT%H:%M:%SZ')
  slipway_now=${slipway_clock#* } slipway_clock=${slipway_clock%% *}
  exec 9>>"$1/lock"
  if ! flock -n 9; then
    exec 9>&-
    slipway_processes=$(slipway_describe_holders "$1")
    slipway_read_lock "$1"
    for slipway_try in 1 2 3 4 5; do # it may have been taken just now, by somebody who has not signed yet
      [ -n "$slipway_holder" ] && break
      sleep "0.$slipway_try" 2>/dev/null || break
      slipway_read_lock "$1"
    done
    slipway_tell_lock
    slipway_tell processes "$slipway_processes"
    return 75
  fi
  slipway_read_lock "$1"
  if slipway_is_elsewhere; then
    exec 9>&-
    slipway_tell_lock
    return 76
  fi
  slipway_write_lock "$@" "$slipway_now"
}

# Into $slipway_compose: what facts.c knows as a kind.
slipway_find_compose() {
  for slipway_folder in "$HOME/.docker/cli-plugins" /usr/local/lib/docker/cli-plugins \
    /usr/local/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
    if [ -x "$slipway_folder/docker-compose" ]; then
      slipway_compose=plugin
      return
    fi
  done
  slipway_compose=$(command -v docker-compose) || return 0
  # Version 1 is a Python script, or a bundle of one; only the latter has to be asked, which takes a moment.
  IFS= read -r slipway_compose <"$slipway_compose"
  case $slipway_compose in
    "#!"*) slipway_compose=v1 ;;
    *)
      case $(docker-compose version --short 2>/dev/null) in
        1.*) slipway_compose=v1 ;;
        *) slipway_compose=standalone ;;
      esac
      ;;
  esac
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

slipway_tell_hostname() {
  slipway_name=
  [ -r /proc/sys/kernel/hostname ] && IFS= read -r slipway_name </proc/sys/kernel/hostname
  slipway_tell hostname "${slipway_name:-$(uname -n)}"
}

# $1: a folder. Who takes the lock is going to write there.
slipway_tell_space() {
  slipway_tell space "$(stat -f -c '%a %S %d %c' -- "$1")"
}

# $1: the environment's folder; $2: the engine's socket; $3: holder.
slipway_tell_facts() {
  slipway_tell home "$HOME"
  slipway_tell folder "$1"
  slipway_tell_hostname
  slipway_tell machine_id "$slipway_machine"
  slipway_find_compose
  slipway_tell compose "$slipway_compose"
  slipway_tell_engine "$2"
  [ -z "$3" ] || slipway_tell_space "$1"
  slipway_tell clock "${slipway_clock:-$(date +%s%N)}"
  [ -L "$1/current" ] && slipway_tell current "$(readlink -- "$1/current")"
  slipway_tell_end manifest "$1/current/manifest.json" 1048577
  slipway_tell_end journal "$1/journal.jsonl" 262145
  for slipway_entry in "$1"/releases/* "$1"/files/* "$1"/secrets/*; do
    [ -e "$slipway_entry" ] || continue
    slipway_kind=${slipway_entry%/*}
    slipway_tell "${slipway_kind##*/}" "${slipway_entry##*/}"
  done
}

slipway_open() {
  slipway_find_tools || return
  slipway_find_machine
  if [ -n "$2" ]; then
    slipway_take_lock "$HOME/.slipway/$1" "$2" "$4" || return
  fi
  slipway_tell_facts "$HOME/.slipway/$1" "$3" "$2"
}
slipway_open "$@"
