/** Starts bench/limits/plainRun.mjs in a house and asks it for one start at a time. */
import { join } from "node:path"
import { until } from "../../test/support/processes.ts"
import { codexCommand } from "../../src/domain/CodexCommand.ts"
import { supervisorArguments, supervisorShell } from "../../src/domain/supervisor.ts"
import { clientOf } from "./client.ts"
import { prompts } from "./codex.ts"
import type { House } from "./house.ts"
import { startProgram } from "./program.ts"

/** Its codex is the house's, with the prompt `end`. */
export const startPlainRun = async (house: House) => {
  const { workspace, logDir, codexPath } = house
  const argv = codexCommand({ binary: codexPath, workspace, extraArguments: [], prompt: prompts.end })
  const messageUrl = `${house.zulip.env.ZULIP_SITE}/api/v1/messages`
  const supervisor = [supervisorShell, ...supervisorArguments(argv)]
  const plan = JSON.stringify({ supervisor, messageUrl, logDir, workspace, codexPath })
  const program = await startProgram({
    command: [process.execPath, join(import.meta.dirname, "../limits/plainRun.mjs"), plan]
  })
  const client = clientOf(program.url)
  const isIdle = async () => (JSON.parse((await client.get("/status")).text) as { readonly run: unknown }).run === null
  return {
    /** Milliseconds until the answer; resolves when codex has ended. */
    run: async (): Promise<number> => {
      const { millis } = await client.post("/run", { zulip_message: "m", codex_prompt: prompts.end })
      await until(isIdle, "no run lives")
      return millis
    },
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]()
      await program.stop()
    }
  }
}
