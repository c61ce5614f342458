/** Numbers of lines, and how much is read for them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { LineNumbers, type LineNumbersOptions } from "../../../src/services/runs/LineNumbers.ts"

const folder = mkdtempSync(join(tmpdir(), "line-numbers-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, "log")

/** Numbers of a file's lines, and how many bytes were read of it since it was asked last. */
const counting = (options?: Partial<LineNumbersOptions>) =>
  Effect.sync(() => {
    const lines = new LineNumbers(options)
    let bytes = 0
    const counted = (handle: FileHandle): FileHandle =>
      new Proxy(handle, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== "function") return value
          return async (...given: ReadonlyArray<unknown>) => {
            const answer: unknown = await Reflect.apply(value, target, given)
            if (name === "read") bytes += (answer as { readonly bytesRead: number }).bytesRead
            return answer
          }
        }
      })
    const at = (offset: number, requestId = "0a0a0a0a") =>
      Effect.acquireUseRelease(
        Effect.promise(() => open(file)),
        (handle) => lines.numberAt(requestId, counted(handle), offset),
        (handle) => Effect.promise(() => handle.close())
      )
    const read = () => {
      const now = bytes
      bytes = 0
      return now
    }
    return { at, read }
  })

const numberAt = (text: string, offset: number) => text.slice(0, offset).split("\n").length

describe("the number of a line", () => {
  it.effect.prop(
    "is the same whatever was asked before, wherever places are remembered",
    [
      Schema.Array(Schema.Literals(["", "a", "long line"])),
      Schema.Array(Schema.Literals([0, 1, 3, 17, 40, 80, 1_000]))
    ],
    ([words, offsets]) =>
      Effect.gen(function* () {
        const text = words.join("\n")
        writeFileSync(file, text)
        const { at } = yield* counting({ strideBytes: 4, maxPlaces: 5 })
        for (const offset of offsets) assert.strictEqual(yield* at(offset), numberAt(text, offset))
      }),
    { arbitrary: { runs: 60 } }
  )

  it.live("takes a stride more to read once the log was read, wherever it is", () =>
    Effect.gen(function* () {
      const text = `${"x".repeat(99)}\n`.repeat(100)
      writeFileSync(file, text)
      const { at, read } = yield* counting({ strideBytes: 1_000 })
      assert.strictEqual(yield* at(9_950), 100)
      assert.isAtLeast(read(), 9_950)
      for (const offset of [9_950, 0, 4_321, 999, 9_999]) {
        assert.strictEqual(yield* at(offset), numberAt(text, offset))
        assert.isBelow(read(), 1_000)
      }
    })
  )

  it.live("goes on from what is known where a log has grown", () =>
    Effect.gen(function* () {
      const line = `${"x".repeat(99)}\n`
      writeFileSync(file, line.repeat(100))
      const { at, read } = yield* counting({ strideBytes: 1_000 })
      yield* at(9_000)
      read()
      writeFileSync(file, line.repeat(50), { flag: "a" })
      assert.strictEqual(yield* at(14_999), 150)
      assert.isAtMost(read(), 6_000)
    })
  )

  it.live("is counted anew where the log shrank or is another file", () =>
    Effect.gen(function* () {
      const { at } = yield* counting({ strideBytes: 10 })
      writeFileSync(file, "\n".repeat(100))
      assert.strictEqual(yield* at(95), 96)
      truncateSync(file, 0)
      assert.strictEqual(yield* at(0), 1)
      writeFileSync(file, "x".repeat(200))
      assert.strictEqual(yield* at(95), 1)
      rmSync(file)
      writeFileSync(file, "\n".repeat(300))
      assert.strictEqual(yield* at(95), 96)
    })
  )

  it.live("is read once for all who ask at once", () =>
    Effect.gen(function* () {
      writeFileSync(file, "x\n".repeat(5_000))
      const { at, read } = yield* counting({ strideBytes: 1_000 })
      const numbers = yield* Effect.forEach([9_999, 9_999, 9_999, 9_999], (offset) => at(offset), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(numbers, [5_000, 5_000, 5_000, 5_000])
      assert.isBelow(read(), 14_000)
    })
  )

  it.live("is remembered of a few runs, those asked for last", () =>
    Effect.gen(function* () {
      writeFileSync(file, "x\n".repeat(5_000))
      const { at, read } = yield* counting({ strideBytes: 1_000, maxRuns: 2 })
      yield* at(9_999, "0000000a")
      yield* at(9_999, "0000000b")
      yield* at(9_999, "0000000a")
      yield* at(9_999, "0000000c")
      read()
      yield* at(9_999, "0000000a")
      assert.isBelow(read(), 1_001)
      yield* at(9_999, "0000000b")
      assert.isAbove(read(), 9_000)
    })
  )

  it.live("keeps so many places at most: of a longer log they lie farther apart", () =>
    Effect.gen(function* () {
      writeFileSync(file, "x\n".repeat(50_000))
      const { at, read } = yield* counting({ strideBytes: 100, maxPlaces: 10 })
      yield* at(99_999)
      read()
      assert.strictEqual(yield* at(55_555), 27_778)
      const bytes = read()
      assert.isAbove(bytes, 100)
      assert.isBelow(bytes, 25_600)
    })
  )
})
