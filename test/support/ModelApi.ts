/** A scripted stand-in for the model's Responses API: as much of it as `codex exec` needs for a run. */
import { mkdir, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"

/** What one request is answered with: a last message, one shell command to run, silence, a cut, or an HTTP error. */
export type Turn =
  | { readonly say: string }
  | { readonly shell: string }
  | "hang"
  /** The stream begins, and its connection breaks. */
  | "drop"
  | { readonly httpStatus: number }

/** Conversations whose newest user message matches get these turns, one a request; a request beyond the last is refused. */
export interface Rule {
  readonly when: RegExp
  readonly turns: ReadonlyArray<Turn>
}

/** One request for a model's turn. */
export interface ModelRequest {
  /** The model that is asked for. */
  readonly model: string
  readonly prompt: string
  readonly conversation: string
  /** Counted from 0 in its conversation. */
  readonly turn: number
  /** What codex' tools printed so far in this conversation, oldest first. */
  readonly toolOutputs: ReadonlyArray<string>
  /** Whether codex still waits on the answer. */
  isOpen: boolean
}

interface InputItem {
  readonly type?: string
  readonly role?: string
  readonly output?: unknown
  readonly content?: ReadonlyArray<{ readonly text?: string }>
}

interface ResponsesBody {
  readonly model?: string
  readonly prompt_cache_key?: string
  readonly input?: ReadonlyArray<InputItem>
}

const newestUserMessage = (input: ReadonlyArray<InputItem>): string =>
  (input.findLast((item) => item.type === "message" && item.role === "user")?.content ?? [])
    .map((part) => part.text ?? "")
    .join("")

const readBody = async (request: IncomingMessage): Promise<ResponsesBody> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as ResponsesBody
}

const refuse = (response: ServerResponse, status: number, message: string): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify({ error: { message, type: "stand_in", code: null } }))
}

const outputItem = (turn: Exclude<Turn, string | { httpStatus: number }>, id: string) =>
  "say" in turn
    ? {
        type: "message",
        id,
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: turn.say, annotations: [] }]
      }
    : {
        type: "function_call",
        id,
        call_id: `call-${id}`,
        status: "completed",
        name: "exec_command",
        arguments: JSON.stringify({ cmd: turn.shell, yield_time_ms: 30_000 })
      }

/**
 * The stand-in, listening on 127.0.0.1 alone.
 *
 * **Details** A request that no rule, or no turn of its rule, answers gets a 400 with the reason, which ends the run.
 */
export class ModelApi implements AsyncDisposable {
  readonly requests: Array<ModelRequest> = []
  readonly #rules: ReadonlyArray<Rule>
  readonly #turnsTaken = new Map<string, number>()
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((cause: unknown) => response.destroy(cause as Error))
  })
  #arrived = Promise.withResolvers<void>()
  #ids = 0

  private constructor(rules: ReadonlyArray<Rule>) {
    this.#rules = rules
  }

  static async start(rules: ReadonlyArray<Rule>): Promise<ModelApi> {
    const api = new ModelApi(rules)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    api.#server.once("error", reject).listen(0, "127.0.0.1", resolve)
    await promise
    return api
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  /** Resolves when `count` requests have arrived in all, rejects after `timeoutMillis`. */
  async waitForRequests(count: number, timeoutMillis = 30_000): Promise<ReadonlyArray<ModelRequest>> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => late.reject(new Error(`${this.requests.length} of ${count} model requests came in ${timeoutMillis} ms`)),
      timeoutMillis
    )
    try {
      while (this.requests.length < count) await Promise.race([this.#arrived.promise, late.promise])
      return this.requests
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST" || !request.url?.endsWith("/responses")) {
      return refuse(response, 404, `the stand-in has no ${request.method} ${request.url}`)
    }
    const body = await readBody(request)
    const { prompt, turn } = this.#record(body, response)
    const rule = this.#rules.find(({ when }) => when.test(prompt))
    const answer = rule?.turns[turn]
    if (answer === undefined) return refuse(response, 400, `the stand-in has no turn ${turn} for this prompt`)
    if (typeof answer === "object" && "httpStatus" in answer)
      return refuse(response, answer.httpStatus, "scripted failure")
    this.#stream(response, body.model ?? "", answer)
  }

  #record(body: ResponsesBody, response: ServerResponse): ModelRequest {
    const input = body.input ?? []
    const conversation = body.prompt_cache_key ?? ""
    const turn = this.#turnsTaken.get(conversation) ?? 0
    this.#turnsTaken.set(conversation, turn + 1)
    const outputs = input.filter((item) => item.type === "function_call_output")
    const received: ModelRequest = {
      model: body.model ?? "",
      prompt: newestUserMessage(input),
      conversation,
      turn,
      toolOutputs: outputs.map(({ output }) => (typeof output === "string" ? output : JSON.stringify(output))),
      isOpen: true
    }
    response.once("close", () => {
      received.isOpen = false
    })
    this.requests.push(received)
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers<void>()
    return received
  }

  #stream(response: ServerResponse, model: string, answer: Exclude<Turn, { httpStatus: number }>): void {
    const id = `resp-${++this.#ids}`
    let sequence = 0
    const send = (type: string, data: object): void => {
      const event = { type, sequence_number: sequence++, ...data }
      response.write(`event: ${type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    const created = { id, object: "response", created_at: Math.floor(Date.now() / 1000), model, error: null }
    response.writeHead(200, { "content-type": "text/event-stream" })
    send("response.created", { response: { ...created, status: "in_progress", output: [], usage: null } })
    if (answer === "hang") return
    if (answer === "drop") return void setImmediate(() => response.destroy())
    const item = outputItem(answer, `item-${this.#ids}`)
    const usage = { input_tokens: 5, output_tokens: 3, total_tokens: 8 }
    send("response.output_item.done", { output_index: 0, item })
    send("response.completed", { response: { ...created, status: "completed", output: [item], usage } })
    response.end()
  }
}

export interface CodexHomeOptions {
  readonly baseUrl: string
  /** Whether tools in codex' sandbox reach the network. */
  readonly networkAccess?: boolean
  /** More lines of TOML: keys of the root first, then tables. */
  readonly extra?: string
}

/** Fills `folder` as a `CODEX_HOME` whose codex asks `baseUrl` and no other address, not even for updates. */
export const writeCodexHome = async (folder: string, options: CodexHomeOptions): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(
    join(folder, "config.toml"),
    `model = "stand-in"
model_provider = "stand_in"
check_for_update_on_startup = false
web_search = "disabled"
analytics.enabled = false
feedback.enabled = false
history.persistence = "none"
sandbox_workspace_write.network_access = ${options.networkAccess ?? false}
${options.extra ?? ""}

[otel]
exporter = "none"
metrics_exporter = "none"
trace_exporter = "none"

[features]
apps = false
daemon_auto_start = false
image_generation = false
in_app_updates = false
plugins = false
remote_plugin = false
skill_mcp_dependency_install = false
tool_suggest = false

[model_providers.stand_in]
name = "stand_in"
base_url = ${JSON.stringify(options.baseUrl)}
wire_api = "responses"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
stream_idle_timeout_ms = 3600000
`
  )
}
