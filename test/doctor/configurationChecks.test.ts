import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { judgeNode } from "../../src/doctor/configurationChecks.ts"
import { doctor } from "../../src/doctor/doctor.ts"
import { lineOf, makeDoctorHouse } from "../support/doctorHouse.ts"

describe("node", () => {
  it("is new enough or it is not", () => {
    assert.deepStrictEqual(judgeNode("24.0.0"), { outcome: "ok", found: "Node 24.0.0, at least 24 is needed" })
    assert.strictEqual(judgeNode("100.0.0").outcome, "ok")
    assert.deepStrictEqual(judgeNode("22.22.1"), {
      outcome: "failure",
      found: "Node 22.22.1, at least 24 is needed",
      remedy: "start Looper by npm, which installs the right one"
    })
  })
})

describe("configuration", () => {
  it.live("is well where every variable is one and is valid, those of a run and of clients too", () =>
    Effect.gen(function* () {
      const { root, look } = yield* makeDoctorHouse
      writeFileSync(`${root}/.env`, "LOOPER_LOG_LEVEL=INFO\n")
      const over = { LOOPER_RUN_ID: "0123abcd", LOOPER_URL: "http://x", LOOPER_RUN_TICKET: "t", LOOPER_TYPO: "" }
      assert.strictEqual(lineOf(yield* look("configuration", over)), "ok: 7 variables are set, all valid")
    })
  )

  it.live("warns of names that are no variables, in .env too", () =>
    Effect.gen(function* () {
      const { root, look } = yield* makeDoctorHouse
      writeFileSync(`${root}/.env`, "CODEX_EXEC_BINRAY=/x\n")
      assert.strictEqual(
        lineOf(yield* look("configuration", { LOOPER_PROT: "1" })),
        "warning: CODEX_EXEC_BINRAY, LOOPER_PROT: no variable of Looper's, it has no effect → correct the name, or unset it"
      )
    })
  )

  it.live("warns of secrets that others can read, in .env and in files that variables name", () =>
    Effect.gen(function* () {
      const { root, at, look } = yield* makeDoctorHouse
      writeFileSync(at("token"), "hidden-token", { mode: 0o644 })
      writeFileSync(at(".env"), "LOOPER_API_TOKEN_FILE=token\nZULIP_BOT_API_KEY=hidden-key\n", { mode: 0o644 })
      assert.strictEqual(
        lineOf(yield* look("configuration")),
        `warning: ${at(".env")}, ${at("token")} with a secret can be read by other users` +
          ` → run chmod 600 ${at(".env")} ${at("token")}`
      )
      chmodSync(at("token"), 0o600)
      writeFileSync(at(".env"), "LOOPER_API_TOKEN_FILE=token\n")
      assert.strictEqual((yield* look("configuration")).outcome, "ok")
      chmodSync(at("token"), 0o644)
      chmodSync(root, 0o700)
      assert.strictEqual((yield* look("configuration")).outcome, "ok")
    })
  )

  it.live("names every variable that is not valid; what does not read them is looked at all the same", () =>
    Effect.gen(function* () {
      const { root, environment } = yield* makeDoctorHouse
      writeFileSync(
        `${root}/.env`,
        "CODEX_EXEC_KILL_SCOPE=some\nLOOPER_DEFAULT_PROMPT=a\nLOOPER_DEFAULT_PROMPT_FILE=b\n"
      )
      const report = yield* doctor({
        root,
        environment: { ...environment, CODEX_EXEC_KILL_SCOPE: "", LOOPER_PORT: "many", LOOPER_API_TOKEN_FILE: "none" }
      })
      const [, configuration] = report.checks
      assert.strictEqual(configuration?.outcome, "failure")
      for (const words of [
        'LOOPER_PORT is "many": allowed is a whole number from 0 to 65535',
        "LOOPER_API_TOKEN_FILE is ",
        'CODEX_EXEC_KILL_SCOPE is "some": ',
        "LOOPER_DEFAULT_PROMPT_FILE is "
      ]) {
        assert.include(configuration?.found, words)
      }
      const failures = report.checks
        .filter(({ outcome }) => outcome === "failure")
        .map((check) => [check.name, check.found])
      assert.deepStrictEqual(failures.slice(1), [
        ["default_prompt", "not looked at: LOOPER_DEFAULT_PROMPT_FILE is not valid"],
        ["port", "not looked at: LOOPER_PORT is not valid"],
        ["access", "not looked at: LOOPER_API_TOKEN_FILE is not valid"],
        ["processes", "not looked at: CODEX_EXEC_KILL_SCOPE is not valid"]
      ])
      assert.isFalse(report.ok)
    })
  )

  it.live("names once what is unset though another variable asks for it", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const line = lineOf(yield* look("configuration", { LOOPER_NOTIFIER: "webhook" }))
      const allowed = "allowed is a URL beside LOOPER_NOTIFIER=webhook; it is unset"
      assert.strictEqual(line, `failure: LOOPER_WEBHOOK_URL: ${allowed} → correct LOOPER_WEBHOOK_URL`)
    })
  )

  it.live("fails on a .env that cannot be read, and goes on with the environment", () =>
    Effect.gen(function* () {
      const { root, look } = yield* makeDoctorHouse
      mkdirSync(`${root}/.env`)
      assert.match(
        lineOf(yield* look("configuration")),
        /^failure: \.env is ".*\.env": allowed is a readable file, or none → /
      )
      assert.strictEqual((yield* look("workspace")).outcome, "ok")
    })
  )
})

describe("doctor", () => {
  it.live("has nothing to say where all is well", () =>
    Effect.gen(function* () {
      const { root, environment } = yield* makeDoctorHouse
      const report = yield* doctor({ root, environment })
      assert.deepStrictEqual(
        report.checks.filter(({ outcome }) => outcome !== "ok"),
        []
      )
      assert.isTrue(report.ok)
      const names = report.checks.map(({ name }) => name)
      assert.deepStrictEqual(names, [...new Set(names)])
    })
  )

  it.live("shows no secret, wherever it stands", () =>
    Effect.gen(function* () {
      const { root, environment, at } = yield* makeDoctorHouse
      const secret = "hidden-token"
      const report = yield* doctor({
        root,
        environment: {
          ...environment,
          LOOPER_API_TOKEN: secret,
          LOOPER_DEFAULT_WORKSPACE: at(secret),
          LOOPER_HOST: secret,
          CODEX_EXEC_BINARY: secret
        }
      })
      assert.notInclude(JSON.stringify(report), secret)
    })
  )
})
