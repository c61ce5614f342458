import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lineOf, makeDoctorHouse, type Variables } from "../support/doctorHouse.ts"

/** A program in the house's folder `bin`. */
const install = (file: string, text: string) => {
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return file
}

const house = makeDoctorHouse

describe("codex_binary", () => {
  it.live("runs codex and tells its version and where it comes from", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const path = at("bin", "codex")
      assert.deepStrictEqual(yield* look("codex_binary"), {
        name: "codex_binary",
        outcome: "ok",
        found: `codex-cli 0.0.0-stand-in, ${path} (from CODEX_EXEC_BINARY)`
      })
      const onPath = { CODEX_EXEC_BINARY: undefined, PATH: `${at("bin")}:${process.env.PATH}` }
      assert.include((yield* look("codex_binary", onPath)).found, `${path} (from PATH)`)
    })
  )

  it.live("warns of a program that calls itself something else", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const program = install(at("bin", "other"), "printf 'other 1.0\\033[31m\\n'")
      assert.strictEqual(
        lineOf(yield* look("codex_binary", { CODEX_EXEC_BINARY: program })),
        `warning: ${program} (from CODEX_EXEC_BINARY) calls itself 'other 1.0\\x1b[31m', which is no codex` +
          " → name codex in CODEX_EXEC_BINARY"
      )
    })
  )

  it.live("fails where codex is not there, cannot run, or says that it failed", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const found = (binary: string) => Effect.map(look("codex_binary", { CODEX_EXEC_BINARY: binary }), lineOf)
      const remedy = "→ install codex (npm install -g @openai/codex), or name it in CODEX_EXEC_BINARY"
      const none = at("bin", "none")
      assert.strictEqual(yield* found(none), `failure: required tool is missing from PATH: ${none} ${remedy}`)
      // Only exec itself finds out that the interpreter's interpreter is not there.
      const inner = at("bin", "inner")
      writeFileSync(inner, "#!/nowhere\n", { mode: 0o755 })
      writeFileSync(at("bin", "broken"), `#!${inner}\n`, { mode: 0o755 })
      assert.match(yield* found(at("bin", "broken")), /^failure: .* cannot be started: ENOENT → install codex/)
      const failing = install(at("bin", "failing"), "echo 'no licence' >&2; exit 3")
      assert.include(yield* found(failing), "--version ended with 3: no licence →")
      const killed = install(at("bin", "killed"), "kill -9 $$")
      assert.include(yield* found(killed), "--version ended with a signal: it says nothing →")
    })
  )

  it.live("gives codex its user's environment, without Looper's secrets", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const program = install(at("bin", "telling"), `env > ${at("env")}; echo codex-cli 1.2.3`)
      yield* look("codex_binary", { CODEX_EXEC_BINARY: program, LOOPER_API_TOKEN: "hidden-token", MINE: "kept" })
      const text = readFileSync(at("env"), "utf8")
      assert.include(text, "MINE=kept")
      assert.notInclude(text, "hidden-token")
    })
  )
})

describe("codex_login", () => {
  it.live("finds a login, a key, or a provider that may need none", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const auth = at("home/.codex/auth.json")
      assert.strictEqual(
        lineOf(yield* look("codex_login")),
        `ok: ${auth} is there; whether it is still valid only a run shows`
      )
      const elsewhere = (over: Variables) =>
        Effect.map(
          look("codex_login", { CODEX_HOME: at("empty"), ...over }),
          ({ outcome, found }) => `${outcome}: ${found}`
        )
      mkdirSync(at("empty"))
      assert.strictEqual(
        yield* elsewhere({ OPENAI_API_KEY: "sk-hidden" }),
        "ok: OPENAI_API_KEY is set; whether it is valid only a run shows"
      )
      const provider = "-c model_provider=mine"
      assert.match(yield* elsewhere({ CODEX_EXEC_EXTRA_ARGS: provider }), /^ok: the model provider is 'mine'/)
    })
  )

  it.live("warns where there is none, where it is no JSON, and where others can read it", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const auth = at("home/.codex/auth.json")
      chmodSync(at("home/.codex"), 0o755)
      chmodSync(auth, 0o644)
      assert.strictEqual(
        lineOf(yield* look("codex_login")),
        `warning: ${auth} can be read by other users → run chmod 600 ${auth}`
      )
      writeFileSync(auth, "{")
      assert.match(lineOf(yield* look("codex_login")), /^warning: .* is not readable JSON: .* → run codex login$/)
      const none = yield* look("codex_login", { CODEX_HOME: at("none") })
      assert.match(lineOf(none), /^warning: .*none\/auth\.json does not exist and no key is set: .* → run codex login$/)
    })
  )
})

describe("codex_network", () => {
  it.live("is well where runs can ask Looper for the next one", () =>
    Effect.gen(function* () {
      const { look } = yield* house
      assert.match(lineOf(yield* look("codex_network")), /^ok: runs have network access: /)
      const asked = { HOME: "/nowhere", CODEX_EXEC_EXTRA_ARGS: "-c sandbox_workspace_write.network_access=true" }
      assert.match(lineOf(yield* look("codex_network", asked)), /^ok: /)
    })
  )

  it.live("warns where they cannot, naming a key that codex ignores", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const remedy = "→ if they have to, add -c sandbox_workspace_write.network_access=true to CODEX_EXEC_EXTRA_ARGS"
      const closed = yield* look("codex_network", { CODEX_HOME: at("none") })
      assert.include(lineOf(closed), "warning: runs have no network access: they cannot ask Looper for the next run →")
      assert.include(lineOf(closed), remedy)
      writeFileSync(at("home/.codex/config.toml"), "[sandbox_workspace_write]\nnetwork_acess = true\n")
      assert.include((yield* look("codex_network")).found, "codex ignores sandbox_workspace_write.network_acess")
    })
  )

  it.live("warns where there is no sandbox", () =>
    Effect.gen(function* () {
      const { look } = yield* house
      const line = lineOf(yield* look("codex_network", { CODEX_EXEC_EXTRA_ARGS: "--yolo" }))
      assert.match(line, /^warning: runs have no sandbox at all \(--yolo\), network included → /)
    })
  )

  it.live("fails where codex would not start, and shows nothing of its settings", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      writeFileSync(at("home/.codex/config.toml"), 'key = "sk-hidden\n')
      const line = lineOf(yield* look("codex_network"))
      assert.match(line, /^failure: codex would refuse to start: .*config\.toml is not TOML in line 1, column \d+ → /)
      assert.notInclude(line, "sk-hidden")
      mkdirSync(at("folder/config.toml"), { recursive: true })
      const unreadable = yield* look("codex_network", { CODEX_HOME: at("folder") })
      assert.match(unreadable.found, /config\.toml cannot be read \(EISDIR\)$/)
      assert.strictEqual(unreadable.outcome, "failure")
    })
  )
})

describe("codex_home", () => {
  it.live("is well where it is private and out of the agent's reach", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const path = at("home/.codex")
      assert.strictEqual(lineOf(yield* look("codex_home")), `ok: ${path} is private and out of the agent's reach`)
      const fresh = yield* look("codex_home", { HOME: at("bin") })
      assert.strictEqual(lineOf(fresh), `ok: ${at("bin/.codex")} does not exist yet, codex will make it`)
    })
  )

  it.live("warns where other users can read it", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const path = at("home/.codex")
      for (const mode of [0o755, 0o701, 0o704]) {
        chmodSync(path, mode)
        assert.strictEqual(
          lineOf(yield* look("codex_home")),
          `warning: ${path} can be read by other users: codex leaves keys of runs in it → run chmod 700 ${path}`
        )
      }
      chmodSync(at("home"), 0o700)
      assert.strictEqual((yield* look("codex_home")).outcome, "ok")
    })
  )

  it.live("fails where the agent can write it, by a link too, and where it is named and missing", () =>
    Effect.gen(function* () {
      const { look, at } = yield* house
      const found = (path: string, over: Variables = {}) =>
        Effect.map(look("codex_home", { CODEX_HOME: path, ...over }), lineOf)
      const inside = at("workspace/deep/.codex")
      assert.include(
        yield* found(inside),
        `failure: ${inside} lies in the workspace ${at("workspace")}: the agent can change`
      )
      symlinkSync(at("workspace"), at("link"))
      assert.include(yield* found(at("link", "home")), "lies in the workspace")
      assert.include(yield* found(".codex"), `failure: ${at("workspace/.codex")} lies in the workspace`)
      assert.include(yield* found("/tmp/looper-nowhere"), "failure: /tmp/looper-nowhere lies in /tmp:")
      assert.include(yield* found(at("temporary/x")), `lies in $TMPDIR (${at("temporary")})`)
      assert.match(
        yield* found(at("none")),
        /^failure: CODEX_HOME .*none is no folder: codex will not start → run mkdir /
      )
      assert.isFalse(existsSync(at("none")))
      assert.strictEqual((yield* look("codex_home", { TMPDIR: undefined })).outcome, "ok")
    })
  )
})
