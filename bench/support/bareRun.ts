/** Starts bench/limits/bareRun.mjs and asks it for one start at a time. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import { codexCommand } from "../../src/domain/CodexCommand.ts"
import { supervisorArguments, supervisorShell } from "../../src/domain/supervisor.ts"
import type { House } from "./house.ts"
import { prompts } from "./codex.ts"

export interface BareRun extends AsyncDisposable {
  /** Milliseconds from the request for it until codex was let go; resolves when codex has ended. */
  run(): Promise<number>
}

/** Its codex is the house's, with the prompt `end`. */
export const startBareRun = async (house: House): Promise<BareRun> => {
  const { workspace, logDir, codexPath: binary } = house
  const argv = codexCommand({ binary, workspace, extraArguments: [], prompt: prompts.end })
  const plan = {
    supervisor: [supervisorShell, ...supervisorArguments(argv)],
    messageUrl: `${house.zulip.env.ZULIP_SITE}/api/v1/messages`,
    log: join(logDir, "bare.log"),
    sideFile: join(logDir, "bare.state"),
    workspace
  }
  closeSync(openSync(plan.log, "a"))
  const child = fork(join(import.meta.dirname, "../limits/bareRun.mjs"), [JSON.stringify(plan)], { execArgv: [] })
  const exited = once(child, "exit")
  return {
    run: async () => {
      const answered = once(child, "message")
      child.send("run")
      const [{ millis, code }] = await Promise.race([
        answered,
        exited.then(() => {
          throw new Error("the bare program ended")
        })
      ])
      if (code !== 0) throw new Error(`the bare program's codex ended with ${code}`)
      return millis
    },
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await exited
    }
  }
}
