#!/bin/sh
# listening.sh: a line of /proc/net for each TCP socket that listens (state 0A) and each UDP socket that is bound (07), after its kind.
for kind in tcp tcp6 udp udp6; do
  [ -r "/proc/net/$kind" ] || continue
  case $kind in tcp*) state=0A ;; *) state=07 ;; esac
  sed -n "s/^ *\([0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:[0-9A-F]* $state .*\)/$kind \1/p" "/proc/net/$kind"
done
