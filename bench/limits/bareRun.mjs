// The least that a start costs a Node program: one keep-alive request, then codex under the same supervisor.
// Does it once for each message; answers with the milliseconds from there until codex was let go.
import { spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { Agent, request as httpRequest } from "node:http"

const { supervisor, messageUrl, log, sideFile, workspace } = JSON.parse(process.argv[2])
const agent = new Agent({ keepAlive: true })
const form = new URLSearchParams({ type: "stream", to: '"coding"', topic: "bench", content: "m" }).toString()
const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(form) }

const sendMessage = () =>
  new Promise((resolve, reject) => {
    const request = httpRequest(messageUrl, { method: "POST", agent, headers }, (response) => {
      response.on("end", resolve).on("error", reject).resume()
    })
    request.on("error", reject).end(form)
  })

/** Resolves once codex was let go; `onEnd` is told the supervisor's code. */
const launch = (onEnd) =>
  new Promise((resolve, reject) => {
    const [out, side] = [openSync(log, "a"), openSync(sideFile, "a")]
    const stdio = ["ignore", out, out, "pipe", side]
    const child = spawn(supervisor[0], supervisor.slice(1), { detached: true, cwd: workspace, stdio })
    closeSync(out)
    closeSync(side)
    child.once("error", reject).once("exit", onEnd)
    const channel = child.stdio[3]
    channel
      .on("error", () => undefined)
      .once("data", () => {
        channel.write("go\n")
        resolve()
      })
  })

process.on("message", async () => {
  const begunAt = performance.now()
  await sendMessage()
  const ended = Promise.withResolvers()
  await launch(ended.resolve)
  const millis = performance.now() - begunAt
  const code = await ended.promise
  process.send({ millis, code })
})
