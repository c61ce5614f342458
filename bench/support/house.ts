/** A folder with all that a Looper needs: workspace, codex, logs, and a server for its messages. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type CountingZulip, startCountingZulip } from "../../test/support/countingZulip.ts"
import { installCodex } from "./codex.ts"

export interface House extends AsyncDisposable {
  readonly folder: string
  readonly workspace: string
  readonly logDir: string
  readonly serverLogPath: string
  readonly codexPath: string
  readonly zulip: CountingZulip
}

export const makeHouse = async (): Promise<House> => {
  const folder = mkdtempSync(join(tmpdir(), "looper-bench-"))
  const [workspace, logDir] = [join(folder, "workspace"), join(folder, "logs")]
  for (const path of [workspace, logDir, join(folder, "home"), join(folder, "bin")]) mkdirSync(path, { mode: 0o700 })
  const zulip = await startCountingZulip()
  return {
    folder,
    workspace,
    logDir,
    serverLogPath: join(folder, "looper-server.log"),
    codexPath: installCodex(join(folder, "bin")),
    zulip,
    [Symbol.asyncDispose]: async () => {
      await zulip[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    }
  }
}
