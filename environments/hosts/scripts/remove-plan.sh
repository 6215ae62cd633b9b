#!/bin/sh
# remove-plan.sh FOLDER: removes the folder that a plan was worked out in, and no other.
case $1 in
*/.slipway-plan-*) rm -rf "$1" ;;
*) echo "not a plan's folder: $1" >&2; exit 1 ;;
esac
