import { assert, describe, it } from "@effect/vitest"
import type { LooperApi } from "../../../src/page/api/LooperApi.ts"
import { Loading } from "../../../src/page/log/Loading.ts"
import { LogFile } from "../../../src/page/log/LogFile.ts"
import { linesAround, linesBefore, linesFrom } from "../../../src/page/log/pieces.ts"

const mebi = 1024 * 1024

/** A log as Looper answers for its parts. */
const fileOf = (bytes: Buffer): LogFile => {
  const fetch = async (_path: string, { headers }: { readonly headers: Record<string, string> }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.Range ?? "") ?? []
    const part = bytes.subarray(Number(first), Number(last) + 1)
    const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`
    return new Response(Uint8Array.from(part), { status: 206, headers: { "Content-Range": range } })
  }
  return new LogFile({ fetch } as unknown as LooperApi, "3f9c21ab", new AbortController().signal)
}

/** A line that is longer than anything that is read at once, between two short ones. */
const long = Buffer.concat([Buffer.from("first\n"), Buffer.alloc(40 * mebi, "x"), Buffer.from("\nlast\n")])

describe("a line that is longer than anybody reads", () => {
  it("is gone to: what was read of it is a line that is cut", async () => {
    const { lines } = await linesAround(fileOf(long), 6, long.length)
    assert.deepStrictEqual(
      lines.map(({ start, isCut }) => [start, isCut]),
      [[6, true]]
    )
  })

  it("is left behind by going on, part after part", async () => {
    const file = fileOf(long)
    const starts: Array<number> = []
    for (let at = 6; at < long.length; ) {
      const { lines } = await linesFrom(file, at, long.length)
      starts.push(...lines.map(({ start }) => start))
      at = lines.at(-1)?.end ?? Number.POSITIVE_INFINITY
    }
    assert.deepStrictEqual(starts, [6, 6 + 16 * mebi, 6 + 32 * mebi, long.length - 5])
  })

  it("is left behind by going back, part after part", async () => {
    const file = fileOf(long)
    const ends: Array<number> = []
    for (let at = long.length - 5; at > 0; ) {
      const { lines } = await linesBefore(file, at, 500)
      ends.push(...lines.map(({ end }) => end).toReversed())
      at = lines[0]?.start ?? 0
    }
    assert.deepStrictEqual(ends, [long.length - 5, long.length - 5 - 16 * mebi, long.length - 5 - 32 * mebi, 6])
  })
})

const stretch = () => linesFrom(fileOf(Buffer.from("a\n")), 0, 2)
const never = () => assert.fail("nobody wants it, or nothing was read")

describe("Loading", () => {
  it("gives out what was read", async () => {
    const loading = new Loading(() => {})
    let count = 0
    assert.isTrue(await loading.read(stretch, ({ lines }) => (count += lines.length)))
    assert.strictEqual(count, 1)
    assert.isFalse(loading.isOn)
  })

  it("gives out nothing where reading fails, or no line was there", async () => {
    const loading = new Loading(() => {})
    assert.isFalse(await loading.read(() => Promise.reject(new Error("x")), never))
    assert.isFalse(await loading.read(() => linesFrom(fileOf(Buffer.alloc(0)), 0, 0), never))
    assert.isFalse(loading.isOn)
  })

  it("gives out nothing of a reading that another one, or nobody, wants instead", async () => {
    const loading = new Loading(() => {})
    const first = loading.read(stretch, never)
    const second = loading.read(stretch, () => {})
    assert.isUndefined(await first)
    assert.isTrue(await second)
    const third = loading.read(stretch, never)
    loading.leave()
    assert.isUndefined(await third)
  })
})
