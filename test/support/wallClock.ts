/** A wall clock that a test sets, for one Looper: nobody else's moves. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const dayMillis = 86_400_000

export interface WallClock extends Disposable {
  /** For `startLooper`. */
  readonly env: Readonly<Record<string, string>>
  readonly wrapper: ReadonlyArray<string>
  /** So far from the true time. */
  readonly set: (offsetMillis: number) => void
}

/** What the kernel stamps files with, the monotonic clock and timers are not moved: setting a clock does not move them. */
export const makeWallClock = (offsetMillis = 0): WallClock => {
  const folder = mkdtempSync(join(tmpdir(), "looper-clock-"))
  const file = join(folder, "offset")
  const set = (millis: number) => {
    writeFileSync(`${file}.part`, String(millis))
    renameSync(`${file}.part`, file)
  }
  set(offsetMillis)
  return {
    env: { TEST_CLOCK: file },
    wrapper: [
      "sh",
      "-c",
      'node=$1; shift; exec "$node" --import "$0" "$@"',
      join(import.meta.dirname, "shiftedDate.ts")
    ],
    set,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true })
  }
}
