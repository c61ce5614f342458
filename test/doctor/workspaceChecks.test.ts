import { execFileSync } from "node:child_process"
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lineOf, makeDoctorHouse, type Variables } from "../support/doctorHouse.ts"

const inTree = (path: string) => `ok: ${path} is a git work tree`

describe("workspace", () => {
  it.live("is well inside a git work tree, or where codex is told not to ask", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      assert.strictEqual(lineOf(yield* look("workspace")), inTree(at("workspace")))
      mkdirSync(at("workspace/deep"))
      const deep = yield* look("workspace", { LOOPER_DEFAULT_WORKSPACE: "workspace/deep" })
      assert.strictEqual(lineOf(deep), inTree(at("workspace/deep")))
      const over = { LOOPER_DEFAULT_WORKSPACE: at("bin"), CODEX_EXEC_EXTRA_ARGS: "--skip-git-repo-check" }
      assert.match(
        lineOf(yield* look("workspace", over)),
        /^ok: .* is no git work tree, which CODEX_EXEC_EXTRA_ARGS allows$/
      )
    })
  )

  it.live("warns where git cannot be asked", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      const line = lineOf(yield* look("workspace", { PATH: at("temporary") }))
      assert.strictEqual(line, `warning: ${at("workspace")} is there, but git cannot be asked: ENOENT → install git`)
    })
  )

  it.live("warns where git refuses because it is another user's", (context) =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      const path = at("workspace")
      yield* Effect.try(() => chownSync(path, 65_534, 65_534)).pipe(
        Effect.catch(() => Effect.sync(() => context.skip("only root can give a folder away")))
      )
      const line = lineOf(yield* look("workspace"))
      const remedy = `run git config --global --add safe.directory ${path}`
      assert.strictEqual(
        line,
        `warning: ${path} belongs to another user: codex starts in it, git refuses to work → ${remedy}`
      )
    })
  )

  it.live("fails where it is no folder or no work tree, whatever GIT_DIR says", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      const found = (path: string, over: Variables = {}) =>
        Effect.map(look("workspace", { LOOPER_DEFAULT_WORKSPACE: path, ...over }), lineOf)
      const none = at("none")
      assert.strictEqual(
        yield* found(none),
        `failure: workspace is not a directory: ${none} → set LOOPER_DEFAULT_WORKSPACE to the repository to work on`
      )
      mkdirSync(at("plain/.git"), { recursive: true })
      const plain = yield* found(at("plain"), { GIT_DIR: at("workspace/.git"), GIT_WORK_TREE: at("plain") })
      assert.match(
        plain,
        /^failure: .*plain is no git work tree \(fatal: .*\): codex will not start in it → run git init /
      )
      execFileSync("git", ["init", "-q", "--bare", at("bare")])
      assert.match(yield* found(at("bare")), /^failure: .*bare is no git work tree: /)
      symlinkSync(at("workspace"), at("link"))
      assert.match(yield* found(at("link")), /^ok: /)
    })
  )
})

describe("default_prompt", () => {
  it.live("is well where it has a text", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      assert.match(lineOf(yield* look("default_prompt")), /^ok: the default prompt has \d+ bytes$/)
      writeFileSync(at("prompt"), "go on\n")
      const file = yield* look("default_prompt", { LOOPER_DEFAULT_PROMPT_FILE: "prompt" })
      assert.strictEqual(lineOf(file), `ok: ${at("prompt")} has 5 bytes`)
    })
  )

  it.live("warns where the file is empty", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      writeFileSync(at("prompt"), " \n")
      const line = lineOf(yield* look("default_prompt", { LOOPER_DEFAULT_PROMPT_FILE: at("prompt") }))
      assert.match(line, /^warning: .*prompt is empty: .* → write a prompt into it$/)
    })
  )

  it.live("fails where the file cannot be read or is no prompt", () =>
    Effect.gen(function* () {
      const { look, at } = yield* makeDoctorHouse
      const found = Effect.map(look("default_prompt", { LOOPER_DEFAULT_PROMPT_FILE: at("prompt") }), lineOf)
      assert.match(yield* found, /^failure: prompt is unusable: .*prompt cannot be read: ENOENT → correct the file /)
      writeFileSync(at("prompt"), Buffer.from([0xff, 0xfe]))
      assert.include(yield* found, "prompt is not UTF-8")
    })
  )
})
