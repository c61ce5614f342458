#!/usr/bin/env bash
# Drives the installed Looper from a shell, with a stand-in for codex: start it, run, look, stop it.
# In a project with `looper` in its node_modules; needs Node 24 and curl.
set -euo pipefail

folder=$(mktemp -d)
looper=
finish() {
  # Looper stops its runs when it is told to end.
  if [ -n "$looper" ]; then
    kill "$looper" 2>/dev/null || true
    wait "$looper" || true
  fi
  rm -rf "$folder"
}
trap finish EXIT

mkdir "$folder/workspace"
# The stand-in runs a prompt that is a list of steps. With a real codex leave CODEX_EXEC_BINARY out.
codex=$(node --input-type=module --eval '
  import { installCodexStandIn } from "looper/testing"
  console.log(installCodexStandIn(process.argv[1]))' "$folder")

# Port 0 takes a free one. Looper's folder is the one it is started in; messages go to its log only.
env \
  LOOPER_HOST=127.0.0.1 \
  LOOPER_PORT=0 \
  LOOPER_NOTIFIER=log \
  LOOPER_AUTO_START_WHEN_IDLE=0 \
  LOOPER_DEFAULT_WORKSPACE="$folder/workspace" \
  LOOPER_SERVER_LOG_PATH="$folder/looper-server.log" \
  CODEX_EXEC_LOG_DIR="$folder/logs" \
  CODEX_EXEC_BINARY="$codex" \
  CODEX_EXEC_KILL_SCOPE=own \
  node_modules/.bin/looper serve >"$folder/stdout" &
looper=$!

# Its first record says where it listens.
url=
while [ -z "$url" ]; do
  kill -0 "$looper"
  sleep 0.1
  url=$(sed -n 's/.* server\.listening url=\([^ ]*\) .*/\1/p' "$folder/stdout")
done

# A field of the answer on stdin, such as `codex_exec_result.log_path`.
field() {
  node --eval '
    const answer = JSON.parse(require("node:fs").readFileSync(0, "utf8"))
    console.log(process.argv[1].split(".").reduce((value, name) => value[name], answer))' "$1"
}
post() {
  curl -sS --fail-with-body "$url$1" -H "Content-Type: application/json" -d "$2"
}

answer=$(post /run '{"zulip_message": "A run begins.", "codex_prompt": "[{\"print\": \"hello from the run\\n\"}, {\"hang\": true}]"}')
log=$(field codex_exec_result.log_path <<<"$answer")
until grep -q "hello from the run" "$log"; do sleep 0.1; done
echo "runs: pid $(field codex_exec_result.pid <<<"$answer")"

answer=$(post /kill '{}')
echo "stopped: $(field killed_codex_exec_pids.length <<<"$answer")"
tail -n 1 "$log"
