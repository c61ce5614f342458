import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { resolve } from "node:path"

/** What a process that does this with `out` prints. */
const printedBy = (body: string): string => {
  const program = `
    import { toStdoutBehindListening } from "./src/services/serverLog/toStdout.ts"
    const out = toStdoutBehindListening()
    ${body}`
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: resolve(import.meta.dirname, "../../.."),
    env: { ...process.env, NODE_OPTIONS: "" },
    encoding: "utf8",
    maxBuffer: 2 ** 24
  })
  assert.strictEqual(stderr, "")
  return stdout
}

const listening = 'out.sayListening({ url: "http://127.0.0.1:1", pid: 2 })\n'
const line = '{"event":"listening","url":"http://127.0.0.1:1","pid":2}\n'

describe("stdout that begins with where Looper listens", () => {
  it("has what came before behind it, and what comes later at once", () =>
    assert.strictEqual(
      printedBy(`out.write("a\\n"); out.write("b\\n"); ${listening}; out.write("c\\n"); out.release()`),
      `${line}a\nb\nc\n`
    ))

  it("has what came where Looper never listens: at its end, or the process'", () => {
    assert.strictEqual(printedBy('out.write("a\\n"); out.release(); out.write("b\\n")'), "a\nb\n")
    assert.strictEqual(printedBy('out.write("a\\n"); process.exit(3)'), "a\n")
  })

  it("keeps no more than about 1 MiB of what comes before, the first of it", () => {
    const printed = printedBy(`for (let n = 0; n < 3_000; n++) out.write(n + "x".repeat(1_024) + "\\n"); ${listening}`)
    assert.isTrue(printed.startsWith(`${line}0x`))
    assert.isBelow(printed.length, 1_100_000)
    assert.isAbove(printed.length, 900_000)
  })
})
