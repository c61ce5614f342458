import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"

const root = mkdtempSync(join(tmpdir(), "workspaces-"))
afterAll(() => rmSync(root, { recursive: true }))
mkdirSync(join(root, "folder"))
writeFileSync(join(root, "file"), "")
symlinkSync("folder", join(root, "link"))
symlinkSync("nowhere", join(root, "broken"))

const workspaces = Effect.provide(
  Workspaces,
  Workspaces.layerNoDeps.pipe(
    Layer.provide(LooperConfig.layer({ root, environment: { LOOPER_DEFAULT_WORKSPACE: "folder/" } }))
  )
)

describe("a workspace", () => {
  it.effect("is resolved against the root, and remembers how it was named", () =>
    Effect.gen(function* () {
      const { resolve } = yield* workspaces
      assert.deepStrictEqual(resolve("a/../b"), { given: "a/../b", path: join(root, "b") })
      assert.deepStrictEqual(resolve("/x/"), { given: "/x/", path: "/x" })
      assert.deepStrictEqual(resolve("~/x"), { given: "~/x", path: join(homedir(), "x") })
    })
  )

  it.effect("is the configured one where none is given", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* workspaces).resolve(undefined), { given: "folder/", path: join(root, "folder") })
    })
  )

  it.effect("is a folder, or a link to one", () =>
    Effect.gen(function* () {
      const { check, resolve } = yield* workspaces
      for (const given of ["folder", "link", ".", "/"]) yield* check(resolve(given))
      for (const given of ["file", "broken", "missing", "file/below", "nul\0", "x".repeat(300)]) {
        const error = yield* Effect.flip(check(resolve(given)))
        assert.strictEqual(error.message, `workspace is not a directory: ${join(root, given)}`)
      }
    })
  )
})
