import { createHash } from "node:crypto"
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { killHard, until } from "../support/processes.ts"
import { bandOf, footOf, logLines } from "./support/band.ts"
import { expect, test } from "./support/test.ts"

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

const newestLog = (looper: LooperProcess): string => readFileSync(looper.runLogs().at(-1) ?? "", "utf8")

test("the page of a real Looper has a strict policy, and starts, shows and stops a real run", async ({ open }) => {
  await using looper = await startLooper()
  const answer = await looper.request("GET", "/")
  expect(answer.headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self';/)
  expect(answer.headers["content-security-policy"]).toMatch(/require-trusted-types-for 'script'/)
  expect(answer.headers["x-content-type-options"]).toBe("nosniff")
  expect(answer.headers["referrer-policy"]).toBe("no-referrer")
  const page = await open(looper.url)
  await expect.poll(async () => (await bandOf(page)).headline).toBe("Idle")
  await page.getByText("Nothing has run yet", { exact: true }).waitFor()
  await page.getByRole("button", { name: "Start…" }).click()
  const form = page.getByRole("dialog")
  await form.getByLabel("Prompt").fill(codexScript([{ print: "Hello from the run\n" }, { hang: true }]))
  await form.getByLabel("Message").fill("by hand")
  await form.getByRole("button", { name: "Start", exact: true }).click()
  await page.getByText("Hello from the run", { exact: true }).waitFor()
  await expect.poll(async () => (await bandOf(page)).headline).toMatch(/^Running/)
  await page.getByRole("button", { name: "Stop", exact: true }).click()
  const confirm = page.getByRole("button", { name: /^Stop [0-9a-f]{8}$/ })
  await expect
    .poll(async () => {
      if (await confirm.isVisible()) await confirm.click({ timeout: 1_000 }).catch(() => undefined)
      return (await bandOf(page)).headline
    })
    .toMatch(/^Stopped/)
  expect((await bandOf(page)).sentence).toMatch(/^You stopped run [0-9a-f]{8} from this page\./)
  await expect.poll(() => footOf(page)).toBe("End of log")
  expect((await logLines(page)).join("\n").trimEnd()).toBe(newestLog(looper).trimEnd())
})

test("over a Looper that is killed and comes back the log is whole, byte for byte", async ({ open }) => {
  const looper = await startLooper({ env: { LOOPER_ON_SHUTDOWN: "leave" } })
  let again: LooperProcess | undefined
  try {
    const feed = join(looper.folder, "feed")
    const go = (name: string) => appendFileSync(`${feed}-${name}`, "")
    const started = await looper.run(
      codexScript([
        { printTimes: { text: "before the kill: ä€😀 0123456789\n", times: 400 } },
        { waitForFile: `${feed}-a` },
        { printTimes: { text: "while nobody listens: ä€😀\n", times: 400 } },
        { writeFile: { path: `${feed}-written`, text: "" } },
        { waitForFile: `${feed}-b` },
        { printTimes: { text: "after the restart: ä€😀\n", times: 400 } },
        { exit: 0 }
      ])
    )
    expect(started.status).toBe(200)
    const page = await open(looper.url)
    await expect.poll(() => footOf(page)).toBe("Following")
    await page.getByText("before the kill: ä€😀 0123456789").last().waitFor()
    killHard(looper.pid)
    await looper.exited
    go("a")
    await until(() => existsSync(`${feed}-written`), "the run wrote on without its Looper")
    await expect
      .poll(async () => (await bandOf(page)).headline, { timeout: 20_000 })
      .toMatch(/^Looper does not answer since/)
    again = await startLooper({ reuse: looper, env: { LOOPER_PORT: String(looper.port), LOOPER_ON_SHUTDOWN: "leave" } })
    await expect.poll(async () => (await bandOf(page)).headline, { timeout: 30_000 }).toMatch(/^Running/)
    go("b")
    await expect.poll(() => footOf(page), { timeout: 30_000 }).toBe("End of log")
    const text = newestLog(looper)
    // So many lines take a busy browser more than one frame, and what is told of them is told in the first.
    const shown = async () => (await logLines(page)).join("\n").trimEnd()
    await expect.poll(async () => sha256(await shown())).toBe(sha256(text.trimEnd()))
    expect((await shown()).match(/^while nobody listens/gm)).toHaveLength(400)
  } finally {
    await again?.stop()
    await looper[Symbol.asyncDispose]()
  }
})

test("with a token the page of a real Looper opens by it alone", async ({ open }) => {
  await using looper = await startLooper({ env: { LOOPER_API_TOKEN: "correct-horse-battery" } })
  const page = await open(looper.url)
  await page.getByLabel("Token").fill("wrong")
  await page.getByRole("button", { name: "Open" }).click()
  await page.getByText("Looper refused this token.").waitFor()
  await expect.poll(() => page.getByRole("button", { name: "Open" }).isEnabled()).toBe(true)
  await page.getByLabel("Token").fill("correct-horse-battery")
  await page.getByRole("button", { name: "Open" }).click()
  await expect.poll(async () => (await bandOf(page)).headline).toBe("Idle")
  const ended = await looper.request("POST", "/run", {
    headers: { authorization: "Bearer correct-horse-battery" },
    body: { zulip_message: "m", codex_prompt: codexScript([{ print: "secret work\n" }, { exit: 0 }]) }
  })
  expect(ended.status).toBe(200)
  await page.getByText("secret work", { exact: true }).waitFor()
  await expect.poll(() => footOf(page)).toBe("End of log")
})
