import { readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { runProgram } from "../../src/doctor/runProgram.ts"
import { makeDoctorHouse } from "../support/doctorHouse.ts"
import { isAlive, sizeOf, until } from "../support/processes.ts"

const shell = (text: string) =>
  runProgram({ command: ["/bin/sh", "-c", text], environment: { PATH: process.env.PATH ?? "" }, directory: "/" })

describe("a program that is asked", () => {
  it.live("answers with its output, what is too long of it cut, and its code", () =>
    Effect.gen(function* () {
      const end = { _tag: "Ended", code: 3, stdout: "out\n", stderr: "err\n" } as const
      assert.deepStrictEqual(yield* shell("echo out; echo err >&2; exit 3"), end)
      const long = yield* shell("yes | head -c 1000000")
      assert.strictEqual(long._tag === "Ended" ? long.stdout.length : 0, 16 * 1024)
      assert.deepInclude(yield* shell("kill -9 $$"), { _tag: "Ended", code: undefined })
    })
  )

  it.live("is not waited for longer than it lives, though a child holds its output", () =>
    Effect.gen(function* () {
      const { at } = yield* makeDoctorHouse
      const end = yield* shell(`sleep 1000 & echo $! > ${at("pid")}; echo out`)
      process.kill(Number(readFileSync(at("pid"), "utf8")), "SIGKILL")
      assert.deepInclude(end, { _tag: "Ended", code: 0, stdout: "out\n" })
    })
  )

  it.live("is ended with its children where nobody waits for it any more", () =>
    Effect.gen(function* () {
      const { at } = yield* makeDoctorHouse
      writeFileSync(at("pid"), "")
      const asking = yield* Effect.forkChild(shell(`sleep 1000 & echo $! > ${at("pid")}; wait`))
      yield* Effect.promise(() => until(() => sizeOf(at("pid")) > 1, "the program runs"))
      yield* Fiber.interrupt(asking)
      const pid = Number(readFileSync(at("pid"), "utf8"))
      yield* Effect.promise(() => until(() => !isAlive(pid), "its child is gone"))
    })
  )

  it.live("that cannot be started says why", () =>
    Effect.gen(function* () {
      const end = yield* runProgram({ command: ["/nowhere/x"], environment: {}, directory: "/" })
      assert.deepStrictEqual(end, { _tag: "NotStarted", reason: "ENOENT" })
    })
  )
})
