/** The wrapper script as it lies in a workspace, run by a shell of choice. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdirSync } from "node:fs"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { checkout } from "./looperProcess.ts"
import { isPossible } from "./possible.ts"

/** The shells that the script is run by here. */
export const shells = ["dash", "bash"].filter((shell) => isPossible(spawnSync(shell, ["-c", ":"]).status === 0, shell))

/** What a call of the script printed, and how it ended. */
export interface Called {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Puts the script into a workspace's `scripts` and gives its path there. */
export const installWrapper = (workspace: string): string => {
  const path = join(workspace, "scripts/run-codex-task.sh")
  mkdirSync(join(workspace, "scripts"), { recursive: true })
  copyFileSync(join(checkout, "scripts/run-codex-task.sh"), path)
  return path
}

/** Runs the script to its end, in an environment that has a `PATH` and these variables alone. */
export const callWrapper = async (options: {
  readonly shell: string
  readonly path: string
  readonly words?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
}): Promise<Called> => {
  const { shell, path, words = [], env = {} } = options
  const child = spawn(shell, [path, ...words], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout.setEncoding("utf8").toArray(),
    child.stderr.setEncoding("utf8").toArray(),
    once(child, "close")
  ])
  return { code: code as number | null, stdout: stdout.join(""), stderr: stderr.join("") }
}

/** A request as it came. */
export interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A server in Looper's place that keeps what it is asked; `answer` is what it does, 200 unless a test says otherwise. */
export const startReceiver = async () => {
  const received: Array<Received> = []
  const receiver = {
    received,
    answer: (response: ServerResponse): void => void response.end('{"ok":true}\n'),
    url: "",
    close: () => new Promise((resolve) => server.close(resolve))
  }
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    const { method, url: path, headers } = request
    received.push({ method, path, headers, text: Buffer.concat(chunks).toString() })
    receiver.answer(response)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return receiver
}
