/** The client against a real Looper: each method, each kind of error. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Fiber, Option, Redacted, Schedule, Stream } from "effect"
import { afterAll, beforeAll } from "vitest"
import { type LooperClient, makeClient } from "../../src/client/index.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type StartedLooper, startLooperForTests } from "../../src/testing/startLooperForTests.ts"
import { startGatedZulip } from "../support/gatedZulip.ts"
import { startLooper } from "../support/looperProcess.ts"
import { isAlive, until } from "../support/processes.ts"

const token = "correct-horse-battery-staple"

let looper: StartedLooper
let client: LooperClient
beforeAll(async () => {
  looper = await startLooperForTests({ environment: { LOOPER_API_TOKEN: token } })
  client = makeClient({ url: looper.url, token: Redacted.make(token) })
})
afterAll(() => looper?.stop())

const message = { zulip_message: "hello" }
const hanging = codexScript([{ print: "begun\n" }, { hang: true }])

/** The pid of the run that an answer tells of. */
const pidOf = (answer: { readonly codex_exec_result?: { readonly pid: number } | null }): number => {
  if (!answer.codex_exec_result) throw new Error("no run was started")
  return answer.codex_exec_result.pid
}

const bytesOf = <E>(bytes: Stream.Stream<Uint8Array, E>) => Effect.map(Stream.runCollect(bytes), Buffer.concat)
const textOf = <E>(bytes: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(bytes))

describe("the client's methods", () => {
  it.live("ask and are answered: what does not run codex", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* client.health(), { ok: true })
      assert.match((yield* client.notify(message)).zulip_output, /^OK message_id=/)
      assert.isTrue((yield* client.pauseAutopoll()).paused)
      const skipped = yield* client.autopollTick()
      assert.deepStrictEqual([skipped.outcome, skipped.reason], ["skipped", "paused"])
      assert.isFalse((yield* client.resumeAutopoll()).paused)
      assert.isTrue((yield* client.status()).ok)
      assert.property((yield* client.openapi()).paths, "/runs/{id}/log")
      const page = yield* textOf(client.docs())
      const [, file] = /(?:src|href)="(?:[^"]*\/)?([\w.-]+\.(?:js|css))"/.exec(page) ?? []
      assert.isNotEmpty(yield* textOf(client.docsFile({ file: file ?? "" })))
    })
  )

  it.live("start, find, stop and wait for runs", () =>
    Effect.gen(function* () {
      const first = yield* client.run({ ...message, codex_prompt: hanging })
      if ("dry_run" in first) return assert.fail("it was no dry run")
      const id = first.request_id
      const { runs } = yield* client.runs({ state: ["running"], limit: 1 })
      assert.deepStrictEqual(
        runs.map((run) => [run.request_id, run.pid]),
        [[id, pidOf(first)]]
      )
      assert.strictEqual((yield* client.getRun({ id })).run.state, "running")
      const stopped = yield* client.stopRun({ id })
      assert.deepInclude(stopped, { outcome: "stopped", killed_codex_exec_pids: [pidOf(first)] })
      const ended = yield* client.waitForEnd({ id })
      assert.deepInclude(ended, { state: "stopped", cause: "request", return_code: 143 })

      const second = yield* client.spawn({ codex_prompt: hanging })
      const killed = yield* client.kill()
      assert.deepInclude(killed, { killed_codex_exec_pids: [pidOf(second)] })
      const page = yield* client.runs({ limit: 1 })
      const older = yield* client.runs({ limit: 1, ...(page.next_cursor !== null && { cursor: page.next_cursor }) })
      assert.deepStrictEqual(
        [...page.runs, ...older.runs].map((run) => run.request_id),
        [second.request_id, id]
      )
    })
  )

  it.live("give a run's log: all of it, its last line, a part, and what cannot be given", () =>
    Effect.gen(function* () {
      const steps = codexScript([{ print: "one\n" }, { printBase64: Buffer.from([0xff, 0x0a]).toString("base64") }])
      const { request_id: id } = yield* client.spawn({ codex_prompt: steps })
      const { log_bytes: size } = yield* client.waitForEnd({ id })
      const bytes = yield* bytesOf(client.runLog({ id }))
      if (size === null) return assert.fail("the log has no size")
      assert.lengthOf(bytes, size)
      assert.include(bytes.toString("latin1"), "one\n\xff\n")
      assert.strictEqual(yield* textOf(client.runLog({ id, tail: 1 })), "# codex_exec_return_code=0\n")
      assert.strictEqual(yield* textOf(client.runLog({ id, range: "bytes=0-4" })), "# loo")
      const beyond = yield* Effect.flip(Stream.runDrain(client.runLog({ id, range: `bytes=${size}-` })))
      assert.deepInclude(beyond, { _tag: "OffsetBeyondEnd", status: 416, fields: { size } })
      const unknown = yield* Effect.flip(Stream.runDrain(client.runLog({ id: "ffffffff" })))
      assert.propertyVal(unknown, "_tag", "RunNotFound")
      const invalid = yield* Effect.flip(Stream.runDrain(client.runLog({ id, tail: -1 })))
      assert.deepInclude(invalid, { _tag: "RequestInvalid", field: "tail" })
    })
  )

  it.live("say the plan of a dry run, and answer a key once", () =>
    Effect.gen(function* () {
      const plan = yield* client.run({ ...message, codex_prompt: "p", dry_run: true })
      assert.isTrue("argv" in plan && plan.argv.includes("p"))
      const given = { ...message, codex_prompt: "" }
      const answers = [
        yield* client.run(given, { idempotencyKey: "once" }),
        yield* client.run(given, { idempotencyKey: "once" })
      ]
      assert.deepStrictEqual(answers[0], answers[1])
      const error = yield* Effect.flip(client.run(message, { idempotencyKey: "once" }))
      assert.deepInclude(error, { _tag: "Refused", status: 422, code: "idempotency_key_reused" })
    })
  )
})

describe("a followed run", () => {
  it.live("is followed and waited for over the death of Looper, each byte once", () =>
    Effect.gen(function* () {
      const first = yield* Effect.acquireRelease(
        Effect.promise(() => startLooper()),
        (looper) => Effect.promise(() => looper[Symbol.asyncDispose]())
      )
      const client = makeClient({ url: first.url })
      const go = join(first.folder, "go")
      const { request_id: id } = yield* client.spawn({
        codex_prompt: codexScript([
          { printTimes: { text: "über 😀\n", times: 5_000 } },
          { waitForFile: go },
          { printBase64: Buffer.from([0xf0, 0x9f, 0x98]).toString("base64") },
          { print: "\nlast\n" },
          { exit: 3 }
        ])
      })
      const again = { id, retry: Schedule.spaced("20 millis") }
      const given: Array<Uint8Array> = []
      const follow = client.followLog(again).pipe(
        Stream.tap((event) => Effect.sync(() => void (event.kind === "bytes" && given.push(event.bytes)))),
        Stream.runLast
      )
      const following = yield* Effect.forkChild(follow)
      const waiting = yield* Effect.forkChild(client.waitForEnd(again))
      yield* Effect.promise(() =>
        until(() => Buffer.concat(given).toString().split("\n").length > 5_000, "it is followed")
      )
      first.signal("SIGKILL")
      yield* Effect.promise(() => first.exited)
      writeFileSync(go, "")
      const port = String(first.port)
      yield* Effect.acquireRelease(
        Effect.promise(() => startLooper({ reuse: first, env: { LOOPER_PORT: port } })),
        (looper) => Effect.promise(() => looper.stop())
      )
      const last = Option.getOrThrow(yield* Fiber.join(following))
      const run = yield* Fiber.join(waiting)
      const [path = ""] = first.runLogs()
      const log = readFileSync(path)
      assert.deepStrictEqual(Buffer.concat(given), log)
      assert.deepStrictEqual(last, {
        kind: "end",
        end: { state: "failed", return_code: 3, cause: "exited" },
        offset: log.length
      })
      assert.deepInclude(run, { state: "failed", return_code: 3, log_bytes: log.length })
    })
  )
})

describe("the client's errors", () => {
  it.live("are the operation's: who holds the lock, what lives, what is missing", () =>
    Effect.gen(function* () {
      const alive = yield* Effect.acquireRelease(client.spawn({ codex_prompt: hanging }), () =>
        Effect.ignore(client.kill())
      )
      const pids = yield* client.spawn({ codex_prompt: hanging }).pipe(
        Effect.as([0]),
        Effect.catchTag("RunAlive", (error) => Effect.succeed(error.fields.pids))
      )
      assert.deepStrictEqual(pids, [pidOf(alive)])
      assert.isTrue(pids.every(isAlive))

      const nowhere = yield* Effect.flip(client.run({ ...message, codex_prompt: "p", workspace: "/nowhere" }))
      assert.deepInclude(nowhere, {
        _tag: "WorkspaceNotDirectory",
        status: 500,
        message: "workspace is not a directory: /nowhere",
        fields: { step: "preflight" }
      })
      const unknown = yield* Effect.flip(client.getRun({ id: "ffffffff" }))
      assert.deepInclude(unknown, { _tag: "RunNotFound", status: 404 })
      const dots = yield* Effect.flip(client.stopRun({ id: "../etc/passwd?#" }))
      assert.propertyVal(dots, "_tag", "RunNotFound")
    })
  )

  it.live("say who holds the lock", () =>
    Effect.gen(function* () {
      const zulip = yield* Effect.acquireRelease(Effect.promise(startGatedZulip), (zulip) =>
        Effect.promise(() => zulip[Symbol.asyncDispose]())
      )
      const busy = yield* Effect.acquireRelease(
        Effect.promise(() => startLooperForTests({ environment: zulip.env })),
        (looper) => Effect.promise(() => looper.stop())
      )
      const client = makeClient({ url: busy.url })
      zulip.shut()
      const sequence = yield* Effect.forkChild(client.run({ ...message, codex_prompt: "" }), { startImmediately: true })
      yield* Effect.sync(() => zulip.messages.length).pipe(Effect.repeat({ until: (count) => count === 1 }))
      const error = yield* Effect.flip(client.kill())
      assert.strictEqual(error._tag, "RunBusy")
      if (error._tag !== "RunBusy") return
      assert.strictEqual(error.fields.holder.step, "notify")
      assert.match(error.fields.holder.since, /^\d{4}-.*Z$/)
      assert.match(error.requestId, /^[0-9a-f]{8}$/)
      zulip.open()
      sequence.interruptUnsafe()
    })
  )

  it.live("are refusals: of the token and of the route", () =>
    Effect.gen(function* () {
      const stranger = makeClient({ url: looper.url })
      const unauthorized = yield* Effect.flip(stranger.status())
      assert.deepInclude(unauthorized, { _tag: "Refused", status: 401, code: "unauthorized" })
      const wrong = yield* Effect.flip(makeClient({ url: looper.url, token: Redacted.make("wrong-secret") }).kill())
      assert.propertyVal(wrong, "status", 401)
      assert.notInclude(`${String(wrong)}${JSON.stringify(wrong)}`, "wrong-secret")
      assert.deepStrictEqual(yield* stranger.health(), { ok: true })

      const below = yield* Effect.flip(makeClient({ url: `${looper.url}/below`, token: Redacted.make(token) }).health())
      const long = yield* Effect.flip(client.notify({ zulip_message: "x".repeat(8 * 1024 * 1024) }))
      assert.deepInclude(long, { _tag: "Refused", status: 413, code: "body_too_large" })
      assert.deepInclude(below, { _tag: "Refused", status: 404, code: "not_found" })
    })
  )

  it.live("are refusals: of what a run's ticket does not allow", () =>
    Effect.gen(function* () {
      const file = join(looper.folder, "environment")
      const steps = codexScript([{ environmentTo: file }, { exit: 0 }])
      const { request_id: id } = yield* client.spawn({ codex_prompt: steps, codex_exec_startup_check_seconds: 30 })
      const { LOOPER_RUN_TICKET: old } = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>
      yield* client.waitForEnd({ id })
      const ended = yield* Effect.flip(makeClient({ url: looper.url, token: Redacted.make(old ?? "") }).run(message))
      assert.deepInclude(ended, { _tag: "Refused", status: 401 })

      const stays = codexScript([
        { environmentTo: `${file}.part` },
        { writeFile: { path: `${file}-2`, text: "" } },
        { hang: true }
      ])
      yield* Effect.acquireRelease(client.spawn({ codex_prompt: stays }), () => Effect.ignore(client.kill()))
      yield* Effect.promise(() => until(() => existsSync(`${file}-2`), "the run has written its environment"))
      const { LOOPER_RUN_TICKET: ticket } = JSON.parse(readFileSync(`${file}.part`, "utf8")) as Record<string, string>
      const inside = makeClient({ url: looper.url, token: Redacted.make(ticket ?? "") })
      const empty = { ...message, codex_prompt: "" }
      assert.isTrue((yield* inside.run(empty)).ok)
      const program = yield* Effect.flip(inside.run({ ...empty, codex_exec_binary: "/bin/sh" }))
      assert.deepInclude(program, { _tag: "Refused", status: 403, code: "program_not_allowed" })
      assert.deepInclude(yield* Effect.flip(inside.kill()), { _tag: "Refused", status: 401 })
    })
  )

  it.live("are Unreachable after Looper's end", () =>
    Effect.gen(function* () {
      const ended = yield* Effect.promise(() => startLooperForTests())
      yield* Effect.promise(() => ended.stop())
      const error = yield* Effect.flip(makeClient({ url: ended.url }).status())
      assert.deepInclude(error, { _tag: "Unreachable", isUnsent: true })
    })
  )
})
