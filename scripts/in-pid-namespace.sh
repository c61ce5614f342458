#!/bin/sh
# Runs its arguments in a pid namespace of their own, with their own /proc: what kills "every codex exec" sees no other.
#
#   scripts/in-pid-namespace.sh vitest run --project real
#
# Ends with the command's exit code, after everything in the namespace has ended; so do SIGINT and SIGTERM (130, 143).
# Where no namespace can be made it says why in one line and runs nothing: exit 0, or 1 when CI is set.

set -u
[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENT]..." >&2; exit 2; }

flags="--pid --fork --mount-proc --kill-child"
[ "$(id -u)" -eq 0 ] || flags="--user --map-current-user $flags"

# shellcheck disable=SC2086 # the flags are words
if ! why=$(unshare $flags true 2>&1); then
  echo "in-pid-namespace: not run, this machine allows no pid namespace: $(printf %s "$why" | tr '\n' ' ')" >&2
  [ -z "${CI:-}" ] || exit 1
  exit 0
fi

# unshare(1) ignores SIGINT and SIGTERM and forwards nothing, but ends once its only child, the namespace's pid 1, has;
# the kernel ends that one only after every other process of the namespace.
end() {
  [ -n "${!:-}" ] || exit "$1"
  first=
  read -r first <"/proc/$!/task/$!/children"
  kill -KILL ${first:-"$!"}
  wait "$!"
  exit "$1"
} 2>/dev/null
trap 'end 130' INT
trap 'end 143' TERM

# The tests look for the variable in pid 1's environment. That shell stays, so that somebody reaps orphans.
export LOOPER_TEST_PID_NAMESPACE=1
exec 3<&0
# shellcheck disable=SC2086,SC2016 # the flags are words; the inner shell expands "$@"
unshare $flags sh -c '"$@"; exit $?' in-pid-namespace "$@" <&3 3<&- &
wait "$!"
