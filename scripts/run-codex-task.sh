#!/bin/sh
# Asks Looper for a fresh codex run in the workspace that holds this script; see the usage below.
set -u

name=${0##*/}
newline='
'

usage() {
  cat <<'END'
usage: run-codex-task.sh [--] [zulip_message [codex_prompt]]

Asks Looper to send the message, to stop what codex exec processes there are, and to start one
fresh run in the workspace: the folder above the one this script lies in (<workspace>/scripts).
Prints Looper's answer.

  zulip_message   default: a line that names this script
  codex_prompt    default: Looper's own; empty: sends the message alone

environment:
  LOOPER_URL          default: http://127.0.0.1:3456; Looper sets it for its runs
  LOOPER_RUN_TICKET   set by Looper for its runs, where it has a token
  LOOPER_API_TOKEN    Looper's token, outside a run
  PROMPT_SEND_DELAY_SECONDS, VSCODE_STARTUP_DELAY_SECONDS, VSCODE_SIDEBAR_DELAY_SECONDS,
  VSCODE_NEW_TASK_DELAY_SECONDS
                      seconds between stop and start, summed; default: Looper's own

exit code: 0 ok, 1 failed, 2 usage, 3 busy, 4 unreachable, 5 unauthorized
END
}

# fail <exit code> <sentence>
fail() {
  printf '%s: %s\n' "$name" "$2" >&2
  exit "$1"
}

# The text as a JSON string, byte by byte; in the C locale awk changes no byte beyond ASCII.
quoted() {
  printf '%s\n' "$1" | LC_ALL=C awk '
    BEGIN {
      for (code = 1; code < 32; code++) escapes[sprintf("%c", code)] = sprintf("\\u%04x", code)
      escapes["\""] = "\\\""
      escapes["\\"] = "\\\\"
      printf "\""
    }
    NR > 1 { printf "\\n" }
    {
      length_ = length($0)
      for (at = 1; at <= length_; at++) {
        character = substr($0, at, 1)
        printf "%s", (character in escapes) ? escapes[character] : character
      }
    }
    END { printf "\"" }'
}

# field <name> <text>: one more member of the request.
field() {
  body="$body,\"$1\":$(quoted "$2")" || exit 1
}

case ${1-} in
  -h | --help)
    usage
    exit 0
    ;;
  --) shift ;;
  -*) fail 2 "unknown option $1; a message that begins with - comes behind --" ;;
esac
[ $# -le 2 ] || fail 2 "expected at most a message and a prompt, got $# arguments; a text with blanks is quoted"
for tool in curl awk; do
  command -v "$tool" >/dev/null 2>&1 || fail 1 "$tool is missing from PATH"
done

url=${LOOPER_URL:-http://127.0.0.1:3456}
url=${url%/}
url=${url%/run}
case $url in
  http://?* | https://?*) ;;
  *) fail 2 "LOOPER_URL must begin with http:// or https://: $url" ;;
esac
# A ticket belongs to the Looper that LOOPER_URL names in a run.
token=${LOOPER_RUN_TICKET:-${LOOPER_API_TOKEN-}}
case $token in
  *[[:cntrl:]]*) fail 2 "LOOPER_API_TOKEN must be one line without control characters" ;;
esac
# The letter keeps newlines at the end of the name.
workspace=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd && echo .) || fail 1 "the workspace cannot be entered"
workspace=${workspace%"$newline".}

body="{\"zulip_message\":$(quoted "${1:-Codex task triggered from $name}")"
field workspace "$workspace"
[ $# -lt 2 ] || field codex_prompt "$2"
[ -z "${VSCODE_STARTUP_DELAY_SECONDS-}" ] || field startup_delay_seconds "$VSCODE_STARTUP_DELAY_SECONDS"
[ -z "${VSCODE_SIDEBAR_DELAY_SECONDS-}" ] || field sidebar_delay_seconds "$VSCODE_SIDEBAR_DELAY_SECONDS"
[ -z "${VSCODE_NEW_TASK_DELAY_SECONDS-}" ] || field new_task_delay_seconds "$VSCODE_NEW_TASK_DELAY_SECONDS"
[ -z "${PROMPT_SEND_DELAY_SECONDS-}" ] || field prompt_send_delay_seconds "$PROMPT_SEND_DELAY_SECONDS"
body="$body}"

# On this machine no proxy is asked, whatever the environment says.
case $url in
  *://127.* | *://localhost | *://localhost[:/]* | *://\[::1\]*) set -- --noproxy '*' ;;
  *) set -- ;;
esac

# Everything but the address goes through pipes: neither token nor texts are in curl's arguments, which all can read.
post() {
  printf 'Content-Type: application/json\n%s' "${token:+Authorization: Bearer $token$newline}" | {
    printf '%s' "$body" | curl -q -sS --stderr - --connect-timeout 10 -w '\n%{http_code}' \
      -H @/dev/fd/3 "$@" --data-binary @- "$url/run" 3<&4
  } 4<&0
}

answer=$(post "$@")
code=$?
# Nobody listens: nothing was sent, and a Looper that is being restarted is back soon.
if [ "$code" -eq 7 ]; then
  sleep 2
  answer=$(post "$@")
  code=$?
fi
status=${answer##*"$newline"}
answer=${answer%"$newline"*}
answer=${answer%"$newline"}

if [ "$code" -ne 0 ]; then
  reason=$(printf '%s\n' "$answer" | sed -n 's/^curl: *//p' | head -n 1)
  case $code in
    5 | 6 | 7 | 28 | 35) fail 4 "Looper cannot be reached at $url: $reason" ;;
    16 | 18 | 52 | 55 | 56 | 92)
      fail 4 "the connection to $url was lost; whether the run was started is in Looper's log: $reason"
      ;;
    *) fail 1 "curl failed with $code: $reason" ;;
  esac
fi

printf '%s\n' "$answer"
# The sentence is one line, as JSON has it.
sentence=$(printf '%s\n' "$answer" | LC_ALL=C awk '
  match($0, /"error":"([^"\\]|\\.)*"/) { print substr($0, RSTART + 9, RLENGTH - 10); exit }')
case $status in
  2??) exit 0 ;;
  401 | 403) fail 5 "HTTP $status: ${sentence:-refused}" ;;
  409)
    # A sequence that was cancelled is not one that finds another.
    case $answer in
      *'"code":"cancelled"'*) fail 1 "HTTP $status: $sentence" ;;
    esac
    fail 3 "HTTP $status: ${sentence:-busy}"
    ;;
  *) fail 1 "HTTP $status: ${sentence:-no sentence}" ;;
esac
