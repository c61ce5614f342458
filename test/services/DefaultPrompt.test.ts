import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { DefaultPrompt } from "../../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"

const root = mkdtempSync(join(tmpdir(), "default-prompt-"))
afterAll(() => rmSync(root, { recursive: true }))
const file = join(root, "prompt.txt")

const service = (environment: Readonly<Record<string, string>>) =>
  Effect.provide(
    DefaultPrompt,
    DefaultPrompt.layerNoDeps.pipe(Layer.provide(LooperConfig.layer({ root, environment })))
  )
const prompt = (environment: Readonly<Record<string, string>>) => Effect.map(service(environment), ({ read }) => read)
const fromFile = prompt({ LOOPER_DEFAULT_PROMPT_FILE: "prompt.txt" })

describe("the default prompt", () => {
  it.live("is the configured text, trimmed", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* yield* prompt({ LOOPER_DEFAULT_PROMPT: " go on\n" }), "go on")
    })
  )

  it.live("is built in where nothing is configured", () =>
    Effect.gen(function* () {
      assert.match(yield* yield* prompt({}), /^Continue the current task of this repository\. .*what is left\.$/)
    })
  )

  it.live("says where it comes from", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* service({})).source, "built-in")
      assert.strictEqual((yield* service({ LOOPER_DEFAULT_PROMPT: "go" })).source, "LOOPER_DEFAULT_PROMPT")
      assert.strictEqual((yield* service({ LOOPER_DEFAULT_PROMPT_FILE: "prompt.txt" })).source, file)
    })
  )

  it.live("is read from its file anew each time", () =>
    Effect.gen(function* () {
      const read = yield* fromFile
      writeFileSync(file, "\ufeff first\n")
      assert.strictEqual(yield* read, "first")
      writeFileSync(file, "second é😀\r\n")
      assert.strictEqual(yield* read, "second é😀")
      writeFileSync(file, " \n")
      assert.strictEqual(yield* read, "")
    })
  )

  it.live("says why its file is of no use", () =>
    Effect.gen(function* () {
      const read = yield* fromFile
      const reason = Effect.map(Effect.flip(read), (error) => error.message.replace(`prompt is unusable: ${file} `, ""))
      const table = [
        [Buffer.from([0x61, 0xff]), "is not UTF-8"],
        ["a\0b", "must not contain a NUL byte"],
        [" - \n", "must not be '-': codex would read its prompt from stdin"],
        ["x".repeat(131_072), "must be at most 131071 bytes long, it has 131072"]
      ] as const
      for (const [content, problem] of table) {
        writeFileSync(file, content)
        assert.strictEqual(yield* reason, problem)
      }
      rmSync(file)
      assert.strictEqual(yield* reason, "cannot be read: ENOENT")
      const folder = yield* prompt({ LOOPER_DEFAULT_PROMPT_FILE: "." })
      assert.strictEqual((yield* Effect.flip(folder)).message, `prompt is unusable: ${root} cannot be read: EISDIR`)
    })
  )
})
