/** A Looper whose every answer is the test's: it serves the built page as Looper does, and keeps what it was asked. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { text } from "node:stream/consumers"
import { Effect } from "effect"
import { page, pageFile } from "../../../src/pageFiles.ts"
import type { RunDetails, Status } from "../../../src/page/api/answers.ts"
import { FakeLog } from "./FakeLog.ts"
import { answerLog } from "./fakeLogRoute.ts"
import { type Answering, type Asked, refusal, type Said } from "./fakeAnswers.ts"
import { runsAnswer } from "./fakeHistory.ts"

/** Fields are the test's to set; what is asked is answered with what they hold then. */
export class FakeLooper {
  readonly url: string
  readonly asked: Array<Asked> = []
  /** Newest first. */
  runs: Array<RunDetails> = []
  readonly logs = new Map<string, FakeLog>()
  /** Its clock, milliseconds since the epoch; `undefined`: this machine's. */
  nowMillis: number | undefined
  /** Without it every answer is 401; `undefined`: it has none. */
  token: string | undefined
  /** Nobody listens: connections are reset; those that are open, too. */
  #isDown = false
  /** No log is followed any more: such a request is reset. */
  isStreamCut = false
  #answering: Answering | undefined
  readonly #sockets = new Set<Socket>()
  status: Status

  private constructor(url: string, status: Status) {
    this.url = url
    this.status = status
  }

  static async start(status: Status): Promise<FakeLooper & AsyncDisposable> {
    const server = createServer()
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const looper = new FakeLooper(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, status)
    server.on("connection", (socket) => {
      looper.#sockets.add(socket)
      socket.on("close", () => looper.#sockets.delete(socket))
    })
    server.on("request", (request, response) => void looper.#serve(request, response))
    return Object.assign(looper, {
      [Symbol.asyncDispose]: async () => {
        for (const socket of looper.#sockets) socket.destroy()
        server.close()
        await once(server, "close")
      }
    })
  }

  set isDown(isDown: boolean) {
    this.#isDown = isDown
    if (isDown) for (const socket of this.#sockets) socket.destroy()
  }

  /** Answers every request of the API that it does not leave to the fake. */
  answer(answering: Answering | undefined): void {
    this.#answering = answering
  }

  /** The requests of one method and path, such as `POST /run`. */
  of(route: string): ReadonlyArray<Asked> {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === route)
  }

  log(runId: string): FakeLog {
    const log = this.logs.get(runId) ?? new FakeLog()
    this.logs.set(runId, log)
    return log
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(request.url ?? "/", this.url)
    const method = request.method ?? ""
    if (this.#isDown) return void request.socket.destroy()
    response.setHeader("Date", new Date(this.nowMillis ?? Date.now()).toUTCString())
    response.setHeader("X-Content-Type-Options", "nosniff")
    response.setHeader("X-Request-Id", "0badf00d")
    if (path === "/" || path.startsWith("/page/")) return await servePage(path, request, response)
    // A browser asks for it by itself, whatever the page says.
    if (path === "/favicon.ico") return void response.writeHead(404).end()
    const body = parse(await text(request))
    const asked: Asked = { method, path, query: Object.fromEntries(searchParams), headers: request.headers, body }
    this.asked.push(asked)
    const said = (await this.#answering?.(asked)) ?? this.#say(asked, request, response)
    if (response.destroyed || response.headersSent || said === undefined) return
    response.writeHead(said.status ?? 200, { "Content-Type": "application/json", ...said.headers })
    response.end(`${JSON.stringify(said.body)}\n`)
  }

  #say(asked: Asked, request: IncomingMessage, response: ServerResponse): Said | undefined {
    if (this.token !== undefined && asked.headers.authorization !== `Bearer ${this.token}`) {
      return refusal(401, "unauthorized", "unauthorized")
    }
    const { method, path } = asked
    const nowMillis = this.nowMillis ?? Date.now()
    if (path === "/status") return { body: { ...this.status, server_time: new Date(nowMillis).toISOString() } }
    if (method === "POST" && path === "/run" && asked.body?.dry_run === true) {
      const { run, idle } = this.status
      return { body: { ok: true, codex_exec_pids: [...(run?.pid == null ? [] : [run.pid]), ...(idle?.pids ?? [])] } }
    }
    if (path === "/runs") return { body: runsAnswer(this.runs, asked.query) }
    const [, id = "", part] = /^\/runs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? []
    const run = this.runs.find(({ request_id }) => request_id === id)
    if (method === "GET" && id !== "" && run === undefined)
      return refusal(404, "run_not_found", `no run has the id "${id}"`)
    if (method === "GET" && run !== undefined && part === undefined) return { body: { ok: true, run } }
    if (method === "GET" && run !== undefined && part === "log") {
      if (run.is_log_pruned)
        return refusal(410, "log_gone", `the log of run ${id} was removed by LOOPER_LOG_RETENTION_*`)
      if (asked.query.follow !== undefined && this.isStreamCut) return void request.socket.destroy()
      return answerLog(this.log(id), asked, response)
    }
    return refusal(404, "not_found", `not found: ${method} ${path}`)
  }
}

const servePage = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const accept = request.headers["accept-encoding"]?.toString()
  const file = path === "/" ? page(accept) : pageFile(path.slice("/page/".length), accept)
  const content = await Effect.runPromise(Effect.option(file))
  if (content._tag === "None") return void response.writeHead(404).end()
  response.writeHead(200, content.value.headers).end(content.value.body)
}

const parse = (body: string): Asked["body"] => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
