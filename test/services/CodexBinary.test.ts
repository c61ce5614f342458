import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { afterAll } from "vitest"
import { CodexBinary } from "../../src/services/CodexBinary.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"

const folder = mkdtempSync(join(tmpdir(), "codex-binary-"))
afterAll(() => rmSync(folder, { recursive: true }))
let roots = 0

/** An empty root, and `bin` below it, which is the PATH. */
const makeRoot = () => {
  const root = join(folder, `${++roots}`)
  mkdirSync(join(root, "bin"), { recursive: true })
  return root
}

const program = (path: string, text = "#!/bin/sh\n", mode = 0o755): string => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const resolveIn = (root: string, requested?: string, environment: Readonly<Record<string, string | undefined>> = {}) =>
  Effect.flatMap(CodexBinary, ({ resolve }) => resolve(requested)).pipe(
    Effect.provide(
      CodexBinary.layerNoDeps.pipe(
        Layer.provide(
          LooperConfig.layer({ root, environment: { PATH: `/nowhere::${join(root, "bin")}`, ...environment } })
        )
      )
    )
  )

/** What is missing. */
const missingIn = (...given: Parameters<typeof resolveIn>) =>
  Effect.map(Effect.flip(resolveIn(...given)), (error) => error.name)

describe("which codex is started", () => {
  it.effect("is the request's before all others", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      const mine = program(join(root, "mine"))
      program(join(root, "env"))
      program(join(root, "codex/codex"))
      const found = yield* resolveIn(root, mine, { CODEX_EXEC_BINARY: join(root, "env") })
      assert.deepStrictEqual(found, { path: mine, source: "request" })
    })
  )

  it.effect("is CODEX_EXEC_BINARY before a local build", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      const path = program(join(root, "env"))
      program(join(root, "codex/codex"))
      assert.deepStrictEqual(yield* resolveIn(root, undefined, { CODEX_EXEC_BINARY: path }), { path, source: "env" })
    })
  )

  it.effect("is the first executable local build before the PATH", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      program(join(root, "bin/codex"))
      const builds = ["codex/codex-rs/target/debug/codex", "codex/codex-rs/target/release/codex", "codex/codex"]
      for (const build of builds) {
        const path = program(join(root, build))
        assert.deepStrictEqual(yield* resolveIn(root), { path, source: "local" })
      }
      chmodSync(join(root, "codex/codex"), 0o644)
      assert.strictEqual((yield* resolveIn(root)).path, join(root, "codex/codex-rs/target/release/codex"))
    })
  )

  it.effect("is codex on the PATH at last", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      assert.strictEqual(yield* missingIn(root), "codex")
      const path = program(join(root, "bin/codex"))
      assert.deepStrictEqual(yield* resolveIn(root), { path, source: "path" })
    })
  )

  it.effect("is no other one where the named one is missing", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      program(join(root, "bin/codex"))
      program(join(root, "codex/codex"))
      assert.strictEqual(yield* missingIn(root, "other"), "other")
      assert.strictEqual(yield* missingIn(root, "./other"), "./other")
      assert.strictEqual(yield* missingIn(root, undefined, { CODEX_EXEC_BINARY: "other" }), "other")
      assert.strictEqual(yield* missingIn(root, "other", { CODEX_EXEC_BINARY: "codex" }), "other")
    })
  )

  it.effect("is looked up by name on the PATH, by path from the root", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      const onPath = program(join(root, "bin/mine"))
      const below = program(join(root, "mine"))
      assert.strictEqual((yield* resolveIn(root, "mine")).path, onPath)
      assert.strictEqual((yield* resolveIn(root, "./mine")).path, below)
      assert.strictEqual((yield* resolveIn(root, "bin/../mine")).path, below)
      assert.strictEqual((yield* resolveIn(root, `~/${relative(homedir(), below)}`)).path, below)
    })
  )

  it.effect("passes over what is no executable file on the PATH", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      mkdirSync(join(root, "one/codex"), { recursive: true })
      program(join(root, "two/codex"), "#!/bin/sh\n", 0o644)
      const path = program(join(root, "bin/codex"))
      const found = yield* resolveIn(root, undefined, { PATH: `${root}/one:two:${root}/bin` })
      assert.deepStrictEqual(found, { path, source: "path" })
    })
  )

  it.effect("is not found in the folders that npm added to the PATH", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      program(join(root, "node_modules/.bin/codex"))
      const path = program(join(root, "bin/codex"))
      const PATH = `${root}/node_modules/.bin:/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:${root}/bin`
      const found = yield* resolveIn(root, undefined, { PATH, npm_lifecycle_event: "start" })
      assert.strictEqual(found.path, path)
    })
  )

  it.effect("keeps the name of a symbolic link", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      program(join(root, "real"))
      symlinkSync("../real", join(root, "bin/codex"))
      assert.strictEqual((yield* resolveIn(root)).path, join(root, "bin/codex"))
    })
  )
})

describe("a binary that cannot be started", () => {
  it.effect("is refused under the name it was given", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      mkdirSync(join(root, "folder"))
      symlinkSync("nowhere", join(root, "broken"))
      program(join(root, "plain"), "#!/bin/sh\n", 0o644)
      for (const name of ["./folder", "./broken", "./plain", "./plain/below", "./missing", "~"]) {
        assert.strictEqual(yield* missingIn(root, name), name)
      }
    })
  )

  it.effect("is refused where it is neither ELF nor a script", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      for (const text of ["", "echo hi\n", "#", "#!", "#! \n", "\x7fEL"]) {
        const path = program(join(root, "odd"), text)
        assert.strictEqual(yield* missingIn(root, path), path, JSON.stringify(text))
      }
      const elf = join(root, "elf")
      copyFileSync(process.execPath, elf)
      assert.strictEqual((yield* resolveIn(root, elf)).path, elf)
    })
  )

  it.effect("is refused under its interpreter's name where that is missing", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      const shown = (line: string) => missingIn(root, program(join(root, "script"), `${line}\nexit\n`))
      assert.strictEqual(yield* shown("#!/missing/sh"), "/missing/sh")
      assert.strictEqual(yield* shown("#! /missing/sh -e"), "/missing/sh")
      assert.strictEqual(yield* shown(`#!${root}`), root)
      assert.strictEqual(yield* shown("#!/usr/bin/env missing-tool"), "missing-tool")
      assert.strictEqual(yield* shown("#!/missing/env node"), "/missing/env")
    })
  )

  it.effect("is refused where a carriage return belongs to its interpreter's name", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      assert.strictEqual(yield* missingIn(root, program(join(root, "script"), "#!/bin/sh\r\nexit\r\n")), "/bin/sh\r")
    })
  )

  it.effect("is accepted where it may be executed but not read", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      chmodSync(folder, 0o755)
      const path = program(join(root, "secret"), "\x7fELF", 0o111)
      const isRoot = process.geteuid?.() === 0
      const found = yield* Effect.acquireUseRelease(
        Effect.sync(() => isRoot && process.seteuid?.(65_534)),
        () => resolveIn(root, path),
        () => Effect.sync(() => isRoot && process.seteuid?.(0))
      )
      assert.strictEqual(found.path, path)
    })
  )

  it.effect("is accepted with an interpreter that is there", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      program(join(root, "bin/tool"))
      const lines = [
        "#!/bin/sh",
        "#! /bin/sh -e",
        "#!\t/bin/sh",
        "#!/usr/bin/env tool",
        "#!/usr/bin/env -S tool --flag",
        "#!/usr/bin/env A=b tool",
        "#!/usr/bin/env /bin/sh"
      ]
      for (const line of lines) {
        const path = program(join(root, "script"), `${line}\nexit\n`)
        assert.strictEqual((yield* resolveIn(root, path)).path, path, line)
      }
    })
  )

  it.effect("needs its interpreter on the run's PATH, not on npm's", () =>
    Effect.gen(function* () {
      const root = makeRoot()
      program(join(root, "node_modules/.bin/tool"))
      const path = program(join(root, "script"), "#!/usr/bin/env tool\n")
      const PATH = `${root}/node_modules/.bin:/bin`
      assert.strictEqual(yield* missingIn(root, path, { PATH, npm_lifecycle_event: "start" }), "tool")
      assert.strictEqual((yield* resolveIn(root, path, { PATH })).path, path)
    })
  )
})
