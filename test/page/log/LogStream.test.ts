import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import type { LooperApi } from "../../../src/page/api/LooperApi.ts"
import { LogStream, type StreamListener, type StreamState } from "../../../src/page/log/LogStream.ts"

const encoder = new TextEncoder()

/** One that sends `sent` to each connection and keeps it open. */
const apiOf = (sent: string) => {
  const signals: Array<AbortSignal> = []
  const fetch = async (_path: string, { signal }: { readonly signal: AbortSignal }): Promise<Response> => {
    signals.push(signal)
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(encoder.encode(sent))
        signal.addEventListener("abort", () => controller.error(signal.reason))
      }
    })
    return new Response(body)
  }
  return { api: { fetch } as unknown as LooperApi, signals }
}

const told = () => {
  const states: Array<StreamState["kind"]> = []
  const shutdowns: Array<unknown> = []
  const others: Array<number> = []
  const listener: StreamListener = {
    onBytes: () => {},
    onState: ({ kind }) => states.push(kind),
    onShutdown: (shutdown) => shutdowns.push(shutdown),
    onUnauthorized: () => {},
    onOther: () => others.push(Date.now())
  }
  return { states, shutdowns, others, listener }
}

const follow = (isHidden: boolean, sent = ":\n\n") => {
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: isHidden }))
  vi.stubGlobal("addEventListener", () => {})
  const { api, signals } = apiOf(sent)
  const { listener, ...rest } = told()
  const stream = new LogStream({ api, runId: "3f9c21ab", offset: 0 }, listener)
  return { stream, signals, ...rest }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("LogStream", () => {
  it("gives its connection back after a while where its page was opened hidden", async () => {
    const { stream, signals, states } = follow(true)
    await vi.advanceTimersByTimeAsync(29_000)
    assert.deepStrictEqual(states, ["open"])
    await vi.advanceTimersByTimeAsync(2_000)
    assert.deepStrictEqual(states, ["open", "resting"])
    assert.isTrue(signals[0]?.aborted)
    stream.close()
  })

  it("keeps the connection of a page that is seen", async () => {
    const { stream, signals } = follow(false)
    await vi.advanceTimersByTimeAsync(35_000)
    assert.isFalse(signals[0]?.aborted)
    stream.close()
  })

  it("waits no longer each time where connections hold, though nothing but heartbeats comes over them", async () => {
    for (const [heldMillis, longest] of [
      [20_000, 500],
      [1_000, 15_000]
    ] as const) {
      vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }))
      vi.stubGlobal("addEventListener", () => {})
      const waits: Array<number> = []
      // As something between does that cuts what is idle.
      const fetch = async () =>
        new Response(
          new ReadableStream({
            start: (controller) => {
              controller.enqueue(encoder.encode(":\n\n"))
              setTimeout(() => controller.close(), heldMillis)
            }
          })
        )
      const stream = new LogStream(
        { api: { fetch } as unknown as LooperApi, runId: "3f9c21ab", offset: 0 },
        {
          ...told().listener,
          onState: (state) => state.kind === "broken" && waits.push((state.nextTryMillis ?? 0) - Date.now())
        }
      )
      await vi.advanceTimersByTimeAsync(400_000)
      stream.close()
      assert.isAbove(waits.length, 10)
      assert.isAtMost(Math.max(...waits), longest)
      assert.isAtLeast(Math.max(...waits), longest * 0.8)
    }
  })

  for (const [what, sent] of [
    ["bytes of another place", 'id: 9\ndata: {"text":"one\\n"}\n\n'],
    ["an end at another place", "event: end\nid: 9\ndata: {}\n\n"]
  ] as const) {
    it(`tells once that the log is another one, of ${what}, and asks no more`, async () => {
      const { stream, signals, states, others } = follow(false, sent)
      await vi.advanceTimersByTimeAsync(3_000)
      assert.deepStrictEqual(states, ["open", "broken"])
      assert.lengthOf(others, 0)
      for (const isReachable of [false, true]) stream.setReachable(isReachable)
      stream.tryNow()
      await vi.advanceTimersByTimeAsync(60_000)
      assert.lengthOf(others, 1)
      assert.lengthOf(signals, 1)
    })
  }

  it("tells of a shutdown no more than whom it concerns reads", async () => {
    const data = '{"deadline_at":"1970-01-01T00:00:05Z","on_shutdown":"leave"}'
    const { stream, shutdowns } = follow(false, `event: shutdown\ndata: ${data}\n\n`)
    await vi.advanceTimersByTimeAsync(10)
    assert.deepStrictEqual(shutdowns, [{ deadlineMillis: 5_000, leavesRun: true }])
    stream.close()
  })
})
