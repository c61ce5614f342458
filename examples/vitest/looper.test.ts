/** Drives a real Looper in a vitest test: no model, no chat server, nothing left behind. */
import { codexScript, startLooperForTests, zulipReplies } from "looper/testing"
import { expect, test } from "vitest"

interface RunAnswer {
  readonly codex_exec_result: { readonly pid: number }
  readonly killed_codex_exec_pids: ReadonlyArray<number>
}

const post = async (url: string, body: unknown) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body)
  })
  return { status: response.status, body: (await response.json()) as RunAnswer }
}

test("a run is announced, and its log has what it printed and how it ended", async () => {
  // Stopped, with its runs, and its folder removed, at the end of this block.
  await using looper = await startLooperForTests()

  // The stand-in for codex does what its prompt says.
  const codex_prompt = codexScript([{ print: "hello from the run\n" }, { exit: 3 }])
  const answer = await post(`${looper.url}/run`, { zulip_message: "A run begins.", codex_prompt })

  expect(answer).toMatchObject({ status: 200, body: { ok: true, codex_exec_started: true } })
  expect(looper.zulip.messages.map(({ content }) => content)).toEqual(["A run begins."])
  await expect.poll(() => looper.runLogs()[0]?.text).toContain("hello from the run\n\n# codex_exec_return_code=3\n")
})

test("a new run replaces the one before, however stubborn it is", async () => {
  await using looper = await startLooperForTests()
  const stubborn = codexScript([
    { ignore: ["SIGTERM"] },
    { child: { kind: "daemon", ignoresTerm: true } },
    { hang: true }
  ])
  const first = await post(`${looper.url}/run`, { zulip_message: "one", codex_prompt: stubborn })
  const second = await post(`${looper.url}/run`, { zulip_message: "two", codex_prompt: codexScript([{ hang: true }]) })

  expect(second.body.killed_codex_exec_pids).toEqual([first.body.codex_exec_result.pid])
})

test("nothing is started when the message cannot be delivered", async () => {
  await using looper = await startLooperForTests()
  looper.zulip.reply(zulipReplies.error(400, "STREAM_DOES_NOT_EXIST", "Stream 'coding' does not exist"))
  const answer = await post(`${looper.url}/run`, { zulip_message: "one", codex_prompt: codexScript([{ hang: true }]) })

  expect(answer).toMatchObject({ status: 500, body: { ok: false, code: "notify_failed" } })
  expect(looper.runLogs()).toEqual([])
})
