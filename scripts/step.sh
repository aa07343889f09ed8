#!/usr/bin/env bash
# Runs one named step, says how long it took, and ends with a sentence when it failed.
# usage: step.sh NAME COMMAND [ARGUMENT]...
set -uo pipefail

name=$1
shift
echo "==> $name"
start=$SECONDS
"$@"
status=$?
took=$((SECONDS - start))
if [ "$status" -ne 0 ]; then
  echo "*** \"$name\" failed after $took s with exit status $status; its words are above. The command was: $*" >&2
  exit "$status"
fi
echo "    done in $took s"
