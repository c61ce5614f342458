/** A codex that costs next to nothing: a shell script that does what its prompt says. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** Both sides of a comparison start this one; its words are those of `codex exec`, which it does not read. */
const script = `#!/bin/sh
# Does what its last argument says.
for prompt; do :; done
set -- $prompt
case $1 in
  end) exit 0 ;;
  wait) exec sleep 86400 ;;
  stubborn)
    trap '' TERM
    (setsid sleep 86400 >/dev/null 2>&1 &)
    (setsid sleep 86400 >/dev/null 2>&1 &)
    : >"$2"
    exec sleep 86400
    ;;
  flood)
    date +%s%N >"$4"
    n=0
    while [ $n -lt "$3" ]; do dd if="$2" bs=1048576 status=none; n=$((n + 1)); done
    date +%s%N >>"$4"
    ;;
  trickle)
    until [ -e "$4" ]; do sleep 0.01; done
    n=0
    while [ $n -lt "$3" ]; do dd if="$2" bs=100000 count=1 skip=$n status=none; n=$((n + 1)); sleep 0.1; done
    ;;
  *) echo "codex: no such prompt: $prompt" >&2; exit 2 ;;
esac
`

/** Writes the executable `codex` into a folder and returns its path. */
export const installCodex = (folder: string): string => {
  const path = join(folder, "codex")
  writeFileSync(path, script, { mode: 0o755 })
  return path
}

/** Prompts of {@link installCodex}. */
export const prompts = {
  /** Ends at once. */
  end: "end",
  /** Goes on until SIGTERM. */
  wait: "wait",
  /** Ignores SIGTERM, and so do two daemons; the file is there once they are. */
  stubborn: (ready: string): string => `stubborn ${ready}`,
  /** Prints the file so many times; the last file gets when it began and ended, in nanoseconds since the epoch. */
  flood: (file: string, copies: number, stamps: string): string => `flood ${file} ${copies} ${stamps}`,
  /** Once the other file exists, prints 100,000 bytes of the file every 0.1 s, so many times. */
  trickle: (file: string, pieces: number, go: string): string => `trickle ${file} ${pieces} ${go}`
} as const
