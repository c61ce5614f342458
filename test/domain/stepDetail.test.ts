import { assert, describe, it } from "@effect/vitest"
import { announcedDetail, killedDetail } from "../../src/domain/stepDetail.ts"

describe("what a step came to", () => {
  it.each([
    ["stream coding, topic loop", "OK message_id=91402 type=stream", "stream coding, topic loop, message 91402"],
    ["the server log", "OK notifier=log", "the server log"],
    [undefined, "sent by a script", "sent by a script"]
  ])("a message to %s that was answered with %s", (place, output, detail) => {
    assert.strictEqual(announcedDetail({ place, output }), detail)
  })

  it.each([
    [[], 0, undefined, "nothing ran"],
    [[7], 1, "SIGTERM", "pid 7, SIGTERM"],
    [[7], 3, "SIGKILL", "pid 7 and 2 more, SIGKILL"],
    [[7, 9], 2, "SIGTERM", "pids 7, 9, SIGTERM"],
    [[7, 9], 5, "SIGTERM", "pids 7, 9 and 3 more, SIGTERM"],
    [[], 2, "SIGTERM", "2 left by earlier runs, SIGTERM"],
    [[7], 0, undefined, "pid 7, gone by itself"]
  ] as const)("targets %j in trees of %i that %s ended", (targets, treeSize, signal, detail) => {
    assert.strictEqual(killedDetail({ targets, treeSize, signal }), detail)
  })
})
