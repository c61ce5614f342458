/** Programs for the real codex' tools and MCP servers that outlive what they should not. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** Ignores signals and beats in `heart-tool`, and so do a child in the background and one in its own session. */
const stubbornTool = `trap '' TERM INT HUP
if [ $# = 0 ]; then
  sh stubborn.sh background &
  setsid sh stubborn.sh session &
  set -- tool
fi
while :; do printf . >>"heart-$1"; sleep 0.02; done
`

/** Leaves a child in its own session and a double-forked daemon that beat, and ends once both do. */
const daemonMaker = `beat='while :; do printf . >>"heart-$0"; sleep 0.02; done'
setsid sh -c "$beat" session </dev/null >/dev/null 2>&1 &
(setsid sh -c "$beat" daemon </dev/null >/dev/null 2>&1 &)
while [ ! -s heart-session ] || [ ! -s heart-daemon ]; do sleep 0.01; done
`

/** An MCP server over stdio that ignores signals and the end of its input, and beats in its last argument. */
const stubbornMcp = `import { appendFileSync } from "node:fs"
import { createInterface } from "node:readline"
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {})
process.stdout.on("error", () => {})
setInterval(() => appendFileSync(process.argv.at(-1), "."), 20)
const serverInfo = { name: "stubborn", version: "1" }
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const result =
    method === "initialize"
      ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo }
      : { tools: [] }
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n")
})
`

/** Writes all of them into a workspace; a heart beats in the file `heart-<name>` there. */
export const writeStubbornScripts = (workspace: string): { readonly heart: (name: string) => string } => {
  writeFileSync(join(workspace, "stubborn.sh"), stubbornTool)
  writeFileSync(join(workspace, "leave-daemons.sh"), daemonMaker)
  return { heart: (name) => join(workspace, `heart-${name}`) }
}

/** Writes the MCP server into a folder, and gives the codex configuration that starts it and the file it beats in. */
export const writeStubbornMcp = (folder: string): { readonly codexConfig: string; readonly heart: string } => {
  const [program, heart] = [join(folder, "mcp.mjs"), join(folder, "heart-mcp")]
  writeFileSync(program, stubbornMcp)
  const words = [process.execPath, program, heart].map((word) => JSON.stringify(word))
  const codexConfig = `\n[mcp_servers.stubborn]\ncommand = ${words[0]}\nargs = [${words.slice(1).join(", ")}]\n`
  return { codexConfig, heart }
}
