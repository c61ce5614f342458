#!/bin/sh
# The codex of the crash matrix: writes numbered lines to its log and, right after each, to a copy of its own.
# Its prompt: `endless`, `stubborn` (ignores SIGTERM), `ends CODE LINES`, `until FILE CODE`; further words are ignored.
# The first two have a child in a session of its own that lives until it is killed.
for prompt; do :; done
# shellcheck disable=SC2086 # the prompt is words
set -- $prompt
exec 9>>"$CRASH_COPIES/$LOOPER_RUN_ID" 2>/dev/null
n=0
burst() {
  for _ in 1 2 3 4; do
    n=$((n + 1))
    printf '%s %s ----------------------------------------\n' "$LOOPER_RUN_ID" "$n"
    printf '%s %s ----------------------------------------\n' "$LOOPER_RUN_ID" "$n" >&9
  done
}
end() {
  printf '%s last' "$LOOPER_RUN_ID"
  printf '%s last' "$LOOPER_RUN_ID" >&9
  : >"$CRASH_COPIES/$LOOPER_RUN_ID.end"
  exit "$1"
}
case $1 in
ends)
  while [ "$n" -lt "$3" ]; do burst; done
  end "$2"
  ;;
until)
  while [ ! -e "$2" ]; do burst; sleep 0.01; done
  end "$3"
  ;;
stubborn) trap '' TERM ;;
esac
setsid sleep 1000000 &
while :; do burst; sleep 0.01; done
