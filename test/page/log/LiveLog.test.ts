import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import type { LooperApi } from "../../../src/page/api/LooperApi.ts"
import { LiveLog } from "../../../src/page/log/LiveLog.ts"
import { LogFile } from "../../../src/page/log/LogFile.ts"
import type { StreamState } from "../../../src/page/log/LogStream.ts"

/** Opens a log at a Looper that answers each request with what `answer` says; `asked` are the requests. */
const open = (answer: (path: string) => Response, isFinal = false) => {
  const asked: Array<string> = []
  const fetch = async (path: string): Promise<Response> => {
    asked.push(path)
    return answer(path)
  }
  const api = { fetch } as unknown as LooperApi
  const closed = new AbortController()
  const { signal } = closed
  const states: Array<StreamState> = []
  const lines: Array<string> = []
  let refused = 0
  const live = new LiveLog(
    { api, file: new LogFile(api, "3f9c21ab", signal), runId: "3f9c21ab", isFinal, signal },
    {
      onLines: (more) => lines.push(...more.map(({ text }) => text)),
      onState: (state) => states.push(state),
      onShutdown: () => {},
      onOther: () => {},
      onUnauthorized: () => (refused += 1)
    }
  )
  return { live, asked, states, lines, refusals: () => refused, close: () => closed.abort() }
}

const failing = (status: number) => () => Response.json({ error: "x", message: "no log" }, { status })

/** Lets everything happen that waits for no time. */
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }))
  const target = new EventTarget()
  vi.stubGlobal("addEventListener", target.addEventListener.bind(target))
  vi.stubGlobal("dispatchEvent", target.dispatchEvent.bind(target))
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => setTimeout(frame))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("LiveLog", () => {
  it("asks again after its waits, however often it is told that Looper answers", async () => {
    const { live, asked, close } = open(failing(500))
    for (let told = 0; told < 20; told++) {
      live.setReachable(true)
      await settle()
    }
    assert.strictEqual(asked.length, 1)
    await vi.advanceTimersByTimeAsync(500)
    assert.strictEqual(asked.length, 2)
    await vi.advanceTimersByTimeAsync(500)
    assert.strictEqual(asked.length, 2)
    await vi.advanceTimersByTimeAsync(500)
    assert.strictEqual(asked.length, 3)
    close()
  })

  it("asks at once when Looper answers again, and not while it does not", async () => {
    const { live, asked, close } = open(failing(500))
    live.setReachable(false)
    await vi.advanceTimersByTimeAsync(60_000)
    assert.strictEqual(asked.length, 1)
    live.setReachable(true)
    await settle()
    assert.strictEqual(asked.length, 2)
    close()
  })

  for (const [what, happen] of [
    ["the network is there again", () => dispatchEvent(new Event("online"))],
    ["somebody looks again", () => document.dispatchEvent(new Event("visibilitychange"))]
  ] as const) {
    it(`asks for the tail at once when ${what}, and waits for an answer as ever`, async () => {
      const { asked, close } = open(failing(500))
      await vi.advanceTimersByTimeAsync(40_000)
      const before = asked.length
      happen()
      happen()
      await settle()
      assert.strictEqual(asked.length, before + 1)
      await vi.advanceTimersByTimeAsync(500)
      assert.strictEqual(asked.length, before + 2)
      close()
      happen()
      await settle()
      assert.strictEqual(asked.length, before + 2)
    })
  }

  for (const status of [404, 410]) {
    it(`never asks again for a log that is gone, as ${status} says`, async () => {
      const { live, asked, states, close } = open(failing(status))
      await settle()
      for (const isReachable of [true, false, true]) live.setReachable(isReachable)
      await vi.advanceTimersByTimeAsync(60_000)
      assert.strictEqual(asked.length, 1)
      assert.deepStrictEqual(
        states.map(({ kind }) => kind),
        ["gone"]
      )
      close()
    })
  }

  it("asks no more with a token that was refused until it is told to", async () => {
    const { live, asked, refusals, close } = open(failing(401))
    await vi.advanceTimersByTimeAsync(60_000)
    assert.strictEqual(asked.length, 1)
    assert.strictEqual(refusals(), 1)
    live.setReachable(true)
    await settle()
    assert.strictEqual(asked.length, 2)
    close()
  })

  it("follows from behind the tail", async () => {
    const sent = 'id: 8\ndata: {"text":"two\\n"}\n\nevent: end\nid: 8\ndata: {}\n\n'
    const { asked, states, lines } = open((path) => new Response(path.includes("follow") ? sent : "one\n"))
    await vi.waitFor(() => assert.strictEqual(states.at(-1)?.kind, "ended"))
    assert.deepStrictEqual(lines, ["one", "two"])
    assert.strictEqual(asked.length, 2)
  })

  it("asks no more for the log of a run that has ended", async () => {
    const { live, asked, states } = open(() => new Response("one\ntwo"), true)
    await settle()
    for (const isReachable of [false, true]) live.setReachable(isReachable)
    await vi.advanceTimersByTimeAsync(60_000)
    assert.strictEqual(asked.length, 1)
    assert.strictEqual(states.at(-1)?.kind, "ended")
  })

  it("loads what follows again where that failed, and reads no line twice", async () => {
    vi.doMock("../../../src/page/log/LogStream.ts", () => {
      throw new Error("not loaded")
    })
    const { asked, states, lines, close } = open((path) => new Response(path.includes("follow") ? ":\n\n" : "one\n"))
    await vi.waitFor(() => assert.deepInclude(states.at(-1), { kind: "broken", isNotLoaded: true }))
    vi.doUnmock("../../../src/page/log/LogStream.ts")
    await vi.advanceTimersByTimeAsync(500)
    await vi.waitFor(() => assert.strictEqual(asked.length, 2))
    assert.deepStrictEqual(lines, ["one"])
    close()
  })
})
