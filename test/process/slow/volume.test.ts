/** 500 MB of output: the run log byte by byte, the mirror line by line, and a Looper that answers and stays small. */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { isRecord } from "../../support/logs.ts"
import { startLooper } from "../../support/looperProcess.ts"
import { peakMebibytes, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { watchHealth } from "../../support/steadyHealth.ts"

const lineCount = 5_000_000
const lineBytes = 100
const bytes = lineCount * lineBytes
/** What the stand-in's flood writes. */
const lineOf = (n: number) => `line ${n} `.padEnd(lineBytes - 1, "x")

const maxGrowthMebibytes = 200

const sha256Of = async (path: string, range: { readonly start: number; readonly end: number }): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path, range)) hash.update(chunk as Buffer)
  return hash.digest("hex")
}

/** Of the lines themselves, made here in pieces. */
const sha256OfLines = (): string => {
  const hash = createHash("sha256")
  for (let n = 0; n < lineCount; n += 10_000) {
    hash.update(Array.from({ length: 10_000 }, (_, index) => `${lineOf(n + index)}\n`).join(""))
  }
  return hash.digest("hex")
}

describe("500 MB at full speed", () => {
  it("are in the run log byte by byte and in the mirror line by line, while /health answers", async () => {
    await using looper = await startLooper()
    await looper.run("a first run, so that everything is loaded")
    await until(() => / codex\.exec\.ended /.test(looper.serverLog()), "the first run has ended")
    const [mirrorStart, peakBefore] = [sizeOf(looper.serverLogPath), peakMebibytes(looper.pid)]
    const health = watchHealth(looper)

    const answer = await looper.run(codexScript([{ flood: { bytes } }]))
    assert.strictEqual(answer.status, 200, answer.text)
    const path = runOf(answer).log_path
    const begin = await createReadStream(path, { end: 4_095, encoding: "latin1" }).toArray()
    const header = begin.join("").indexOf("\n\n") + 2
    const trailer = "\n# codex_exec_return_code=0\n"
    await until(() => sizeOf(path) >= header + bytes + trailer.length, "the run log is complete", 120_000)
    await until(() => sizeOf(looper.serverLogPath) > mirrorStart + bytes, "the mirror is complete", 120_000)
    const { answers, bad } = await health.stop()
    const growth = peakMebibytes(looper.pid) - peakBefore

    assert.strictEqual(sizeOf(path), header + bytes + trailer.length)
    assert.strictEqual(await sha256Of(path, { start: header, end: header + bytes - 1 }), sha256OfLines())
    const rest = createReadStream(path, { start: header + bytes }).setEncoding("latin1")
    assert.strictEqual((await rest.toArray()).join(""), trailer)

    let next = 0
    for await (const line of createInterface({
      input: createReadStream(looper.serverLogPath, { start: mirrorStart })
    })) {
      if (isRecord(line)) continue
      if (line !== lineOf(next)) assert.strictEqual(line, lineOf(next))
      next += 1
    }
    assert.strictEqual(next, lineCount)

    assert.deepStrictEqual(bad, [])
    assert.isAbove(answers, 20)
    assert.isBelow(growth, maxGrowthMebibytes)
  })
})
