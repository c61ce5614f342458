import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { findLiveLooper } from "../../src/doctor/liveLooper.ts"
import { LooperForTests } from "../../src/testing/LooperForTests.ts"
import { lineOf, makeDoctorHouse } from "../support/doctorHouse.ts"

describe("log_folder", () => {
  it.live("is well where a file can be created and removed, or the folder made", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      assert.strictEqual(lineOf(yield* look("log_folder")), `ok: ${at("logs")} can be written; no Looper holds it`)
      assert.deepStrictEqual(readdirSync(at("logs")), [])
      chmodSync(at("home"), 0o700)
      const none = at("home/a/b")
      const line = lineOf(yield* look("log_folder", { CODEX_EXEC_LOG_DIR: none }))
      assert.strictEqual(line, `ok: ${none} does not exist yet, Looper can make it`)
      assert.deepStrictEqual(readdirSync(at("home")), [".codex"])
    })
  )

  it.live("warns where others can read it, or the agent can write it", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      chmodSync(at("logs"), 0o755)
      assert.strictEqual(
        lineOf(yield* look("log_folder")),
        `warning: ${at("logs")} can be read by other users of this machine → run chmod 700 ${at("logs")}`
      )
      mkdirSync(at("workspace/logs"))
      assert.match(
        lineOf(yield* look("log_folder", { CODEX_EXEC_LOG_DIR: at("workspace/logs") })),
        /^warning: .* lies in the workspace .*: the agent can change its own logs → set CODEX_EXEC_LOG_DIR elsewhere$/
      )
    })
  )

  it.live("fails where nothing can be created", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      writeFileSync(at("file"), "")
      for (const path of [at("file"), at("file/below")]) {
        const line = lineOf(yield* look("log_folder", { CODEX_EXEC_LOG_DIR: path }))
        assert.match(line, /^failure: .* cannot be written: a file is in its way → set CODEX_EXEC_LOG_DIR to a folder /)
      }
      // The one folder in which root cannot create anything either.
      const line = lineOf(yield* look("log_folder", { CODEX_EXEC_LOG_DIR: "/proc/sys" }))
      assert.match(line, /^failure: \/proc\/sys cannot be written: E[A-Z]+ → /)
    })
  )
})

describe("who holds the log folder", () => {
  it.live("is a Looper that holds its lock, and not whoever has the pid of one that died", () =>
    Effect.gen(function* () {
      const { logDir, url } = yield* LooperForTests
      const holder = readFileSync(join(logDir, "looper.holder"), "utf8")
      assert.deepStrictEqual(findLiveLooper(logDir), { pid: process.pid, url })
      const { at } = yield* makeDoctorHouse
      assert.isUndefined(findLiveLooper(at("logs")))
      writeFileSync(at("logs/looper.holder"), holder)
      assert.isUndefined(findLiveLooper(at("logs")))
      writeFileSync(at("logs/looper.lock"), "")
      assert.isUndefined(findLiveLooper(at("logs")))
    }).pipe(Effect.provide(LooperForTests.layer()))
  )
})

describe("server_log", () => {
  it.live("is well where it can be appended to, unchanged, or created", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      const path = at("logs/looper-server.log")
      assert.strictEqual(lineOf(yield* look("server_log")), `ok: ${path} can be written`)
      assert.isFalse(existsSync(path))
      writeFileSync(path, "kept")
      assert.strictEqual((yield* look("server_log")).outcome, "ok")
      assert.strictEqual(readFileSync(path, "utf8"), "kept")
    })
  )

  it.live("fails where it cannot", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      const found = (path: string) => Effect.map(look("server_log", { LOOPER_SERVER_LOG_PATH: path }), lineOf)
      const remedy = "→ set LOOPER_SERVER_LOG_PATH to a file that Looper may write"
      assert.strictEqual(yield* found(at("logs")), `failure: ${at("logs")} cannot be written: it is a folder ${remedy}`)
      writeFileSync(at("file"), "")
      assert.match(yield* found(at("file/log")), /^failure: .* cannot be written: a file is in its folder's way → /)
      assert.match(yield* found("/proc/sys/log"), /^failure: \/proc\/sys\/log cannot be written: E[A-Z]+ → /)
    })
  )
})

describe("free_space", () => {
  it.live("is well above the limit, or without one", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      assert.match(
        lineOf(yield* look("free_space")),
        /^ok: \d+ MiB free for .*logs, LOOPER_MIN_FREE_BYTES asks for 64 MiB$/
      )
      const off = yield* look("free_space", { LOOPER_MIN_FREE_BYTES: "0", CODEX_EXEC_LOG_DIR: "none/at/all" })
      assert.match(lineOf(off), /^ok: \d+ MiB free for .*none\/at\/all; LOOPER_MIN_FREE_BYTES is off$/)
    })
  )

  it.live("fails below it", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const wanted = String(2 ** 52)
      const line = lineOf(yield* look("free_space", { LOOPER_MIN_FREE_BYTES: wanted }))
      assert.match(line, /^failure: .* \d+ bytes, LOOPER_MIN_FREE_BYTES asks for 4503599627370496 → free some, prune /)
    })
  )
})
