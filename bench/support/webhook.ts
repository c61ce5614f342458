/** Debian's webhook (github.com/adnanh/webhook) doing what of Looper's work it can do. */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { codexCommand } from "../../src/domain/CodexCommand.ts"
import { supervisorArguments, supervisorShell } from "../../src/domain/supervisor.ts"
import { prompts } from "./codex.ts"
import { freePort } from "./freePort.ts"
import type { House } from "./house.ts"
import { type Program, startProgram } from "./program.ts"

/** Its column where there is none. */
export const notInstalled = "not installed"

/** Is it installed, and curl, with which its script sends the message? */
export const hasWebhook = (): boolean => {
  try {
    execFileSync("sh", ["-c", "command -v webhook && command -v curl"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Starts it with one hook, `/hooks/run`: sends the message and starts codex into the run log, then answers. */
export const startWebhook = async (house: House): Promise<Program> => {
  const hooks = join(house.folder, "hooks.json")
  const script = join(house.folder, "run.sh")
  writeFileSync(script, scriptOf(house), { mode: 0o755 })
  const hook = {
    id: "run",
    "http-methods": ["POST"],
    "execute-command": script,
    "command-working-directory": house.workspace,
    "include-command-output-in-response": true
  }
  writeFileSync(hooks, JSON.stringify([hook]))
  const port = await freePort()
  return await startProgram({
    command: ["webhook", "-hooks", hooks, "-ip", "127.0.0.1", "-port", String(port), "-verbose"],
    urlIn: (output) => (output.includes("serving hooks on") ? `http://127.0.0.1:${port}` : undefined)
  })
}

/** The same message, supervisor and descriptors; what is said on descriptor 3 is answered by a pipe that holds `go`. */
const scriptOf = ({ zulip, codexPath: binary, workspace, logDir }: House): string => {
  const argv = codexCommand({ binary, workspace, extraArguments: [], prompt: prompts.end })
  const words = [supervisorShell, ...supervisorArguments(argv)].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  const [log, side] = [join(logDir, "webhook.log"), join(logDir, "webhook.state")]
  return `#!/bin/sh
set -e
curl -sS -o '${log}.answer' -d type=stream -d topic=bench -d content=m '${zulip.env.ZULIP_SITE}/api/v1/messages'
echo go >'${log}.go'
setsid ${words.join(" ")} </dev/null >>'${log}' 2>&1 3<>'${log}.go' 4>>'${side}' &
echo started
`
}
