import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { afterAll } from "vitest"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"

const folder = mkdtempSync(join(tmpdir(), "log-folder-"))
afterAll(() => rmSync(folder, { recursive: true }))

const readIn = (root: string) =>
  Effect.provide(LogFolder, LogFolder.layerNoDeps.pipe(Layer.provide(LooperConfig.layer({ root, environment: {} }))))

describe("the log folder, when Looper starts", () => {
  it.effect("has the ids of logs, the side files and the journals, whatever else is in it", () =>
    Effect.gen(function* () {
      const root = join(folder, "files")
      mkdirSync(join(root, "logs"), { recursive: true })
      const [first, second] = ["codex-exec-20260203-040506-0a0a0a0a", "codex-exec-20260203-040507-auto0b0b0b0b"]
      const files = [`${second}.state`, `${second}.log`, `${second}.mirror.new`, `${first}.mirror`, `${first}.log`]
      const others = ["looper.db", "looper-server.log", "x.state", "x.mirror", `${first}.log.gz`, `a${first}.log`]
      for (const name of [...files, `${first}.state`, ...others]) writeFileSync(join(root, "logs", name), "")
      const { ids, sideFiles, journals } = yield* readIn(root)
      assert.sameMembers([...ids], ["0a0a0a0a", "auto0b0b0b0b"])
      assert.deepStrictEqual(sideFiles, [`${first}.state`, `${second}.state`])
      assert.sameMembers([...journals], [`${first}.mirror`, `${second}.mirror.new`])
    })
  )

  it.effect("has nothing where it is not there", () =>
    Effect.gen(function* () {
      const { ids, sideFiles, journals } = yield* readIn(join(folder, "nowhere"))
      assert.deepStrictEqual([[...ids], sideFiles, journals], [[], [], []])
    })
  )
})
