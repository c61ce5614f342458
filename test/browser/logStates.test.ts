import { describe } from "vitest"
import { encodeLogGone } from "../../src/domain/logEvents.ts"
import { footOf, logLines, logNumbers } from "./support/band.ts"
import { numberedLines, workingLog } from "./support/codexLog.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { atRest, firstInView, isAtEnd, isInView, wheel } from "./support/LogView.ts"
import { sizes } from "./support/test.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, type OpenOptions, test } from "./support/test.ts"

const id = "3f9c21ab"

type Open = (url: string, options?: OpenOptions) => Promise<Opened>

const live = async (looper: FakeLooper, open: Open, text: string, options: OpenOptions = {}) => {
  show(looper, { ...states.running, log: text })
  looper.nowMillis = undefined
  const page = await open(looper.url, options)
  await expect.poll(() => footOf(page)).toBe("Following")
  const log = looper.log(id)
  await expect.poll(() => log.followers).toBe(1)
  return { page, log }
}

const edge = (page: Opened) => page.locator(".log .edge").allInnerTexts()

describe("a log that", () => {
  test("is lost while it is open says so, and keeps what was read", async ({ looper, open }) => {
    const { page, log } = await live(looper, open, numberedLines(10))
    log.say(encodeLogGone("it was pruned").toString())
    await expect.poll(() => footOf(page)).toMatch(/^No more of this log: it was pruned/)
    expect(await logLines(page)).toHaveLength(10)
  })

  test("is empty has no output yet, and shows what comes", async ({ looper, open }) => {
    const { page, log } = await live(looper, open, "")
    await expect.poll(() => edge(page)).toEqual(["No output yet."])
    log.append("first")
    await expect.poll(() => logLines(page)).toEqual(["first"])
    await expect.poll(() => edge(page)).toEqual([])
  })

  test("ends without a newline ends with its last line", async ({ looper, open }) => {
    show(looper, { ...states.idle, log: "one\ntwo" })
    looper.nowMillis = undefined
    const page = await open(looper.url)
    await expect.poll(() => footOf(page)).toBe("End of log")
    expect(await logLines(page)).toEqual(["one", "two"])
    expect(await page.locator(".foot").innerText()).toContain("2 lines")
  })

  test("is larger than a tab keeps has its end in the page, and the rest behind a button", async ({ looper, open }) => {
    const { page, log } = await live(looper, open, "first\n")
    const line = `${"0123456789".repeat(200)}\n`
    for (let megabyte = 0; megabyte < 30; megabyte++) log.append(line.repeat(500))
    log.append("end\n")
    await expect.poll(() => page.locator(".log .l").last().innerText(), { timeout: 30_000 }).toMatch(/end$/)
    expect(await page.locator(".foot").innerText()).toMatch(/30(\.0)? MB, the last (19|20)(\.\d+)? MB in this tab/)
    expect((await edge(page))[0]).toMatch(/^Load 500 earlier lines of [\d,]+ \(\d+(\.\d+)? MB\)/)
    await expect.poll(async () => (await logNumbers(page)).length, { timeout: 20_000 }).toBeGreaterThan(9_000)
    const numbers = await logNumbers(page)
    expect(numbers).toEqual(Array.from(numbers, (_, index) => (numbers[0] ?? 0) + index))
  })
})

test("a progress bar is one line that changes", async ({ looper, open }) => {
  const { page, log } = await live(looper, open, "before\n")
  for (const percent of [1, 50, 99]) {
    log.append(`\r${percent} % done`)
    await expect.poll(() => logLines(page)).toEqual(["before", `${percent} % done`])
  }
  log.append("\nafter\n")
  await expect.poll(() => logLines(page)).toEqual(["before", "99 % done", "after"])
})

test("a line of more than 1 MB shows its first megabyte", async ({ looper, open }) => {
  show(looper, { ...states.idle, log: `${"ä".repeat(750_000)}\nafter\n` })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await page.getByText("750,000 characters, show the first 1 MB").click()
  await page.getByText(/and 500 kB more: download the log$/i).waitFor({ state: "attached" })
})

test("more lines than a page holds are not drawn, and can be loaded", async ({ looper, open }) => {
  const { page, log } = await live(looper, open, "first\n")
  // Nothing is drawn before all of it came.
  await page.evaluate(() => {
    Object.assign(globalThis, { __frames: requestAnimationFrame, __waiting: [] as Array<FrameRequestCallback> })
    globalThis.requestAnimationFrame = (callback) =>
      (globalThis as unknown as { __waiting: Array<FrameRequestCallback> }).__waiting.push(callback)
  })
  const session = await page.context().newCDPSession(page)
  await session.send("Network.enable")
  let receivedBytes = 0
  session.on("Network.dataReceived", ({ dataLength }) => (receivedBytes += dataLength))
  const lines = numberedLines(31_400, 2)
  log.append(lines)
  await expect.poll(() => receivedBytes).toBeGreaterThanOrEqual(lines.length)
  await page.evaluate(() => {
    const saved = globalThis as unknown as {
      __frames: typeof requestAnimationFrame
      __waiting: Array<FrameRequestCallback>
    }
    globalThis.requestAnimationFrame = saved.__frames
    for (const callback of saved.__waiting) requestAnimationFrame(callback)
  })
  await expect.poll(() => isInView(page, "line 31401"), { timeout: 20_000 }).toBe(true)
  await expect.poll(async () => (await edge(page))[0]).toMatch(/^11,40[01] lines not drawn, load$/)
  await expect.poll(async () => (await logLines(page)).length).toBe(20_000)
})

test("many lines while one reads move nothing, wrapped and not", async ({ looper, open }) => {
  for (const size of [sizes.wide, sizes.narrow]) {
    const { page, log } = await live(looper, open, numberedLines(500), { size })
    await wheel(page, -900)
    await atRest(page)
    const seen = await firstInView(page)
    log.append(numberedLines(25_000, 501))
    await page.getByText("many new lines, go to end").waitFor()
    expect(await firstInView(page)).toBe(seen)
    await page.close()
  }
})

test("long lines that are wrapped do not pause who follows", async ({ looper, open }) => {
  const { page, log } = await live(looper, open, "first\n", { size: sizes.narrow })
  for (let burst = 0; burst < 40; burst++) {
    log.append(
      `${"some words of a line that takes three rows of a narrow screen, or four of them ".repeat(1 + (burst % 3))}\n`.repeat(
        100
      )
    )
    await page.evaluate(() => new Promise(requestAnimationFrame))
  }
  log.append("the last line\n")
  await expect.poll(() => page.locator(".log .l").last().innerText(), { timeout: 20_000 }).toMatch(/the last line$/)
  await expect.poll(() => isAtEnd(page)).toBe(true)
  expect(await footOf(page)).toMatch(/^Following/)
})

test("messages are announced where that is on", async ({ looper, open }) => {
  const { page, log } = await live(looper, open, workingLog(3))
  await page.getByRole("button", { name: "Announce new messages" }).click()
  // What reads aloud is loaded now.
  await page.getByRole("button", { name: "Announce new messages", pressed: true }).waitFor()
  log.append("codex\nGreen. Now the lemma.\nexec\n/bin/bash -lc 'true' in /tmp\n succeeded in 10ms:\nloud output\n")
  const said = page.locator(".logpane .aloud")
  await expect.poll(() => said.innerText()).toContain("Green. Now the lemma.")
  expect(await said.innerText()).not.toContain("loud output")
})

test("messages are stepped through one by one, also from an error", async ({ looper, open }) => {
  const log = [
    "codex",
    "one",
    "codex",
    "two",
    "ERROR: broke",
    "codex",
    "three",
    ...numberedLines(200).trimEnd().split("\n")
  ]
  show(looper, { ...states.idle, log: `# x\n${log.join("\n")}\n` })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 200")).toBe(true)
  await page.keyboard.press("Shift+E")
  await expect.poll(() => page.locator(".log .l.on > span").allInnerTexts()).toEqual(["ERROR: broke"])
  const marked = () => page.locator(".log .l.on > a").innerText()
  await page.keyboard.press("[")
  await expect.poll(marked).toBe("4")
  await page.keyboard.press("[")
  await expect.poll(marked).toBe("2")
  await page.keyboard.press("]")
  await expect.poll(marked).toBe("4")
  await page.keyboard.press("]")
  await expect.poll(marked).toBe("7")
})

test("f right after PageUp goes to the end and stays there", async ({ looper, open }) => {
  const { page } = await live(looper, open, numberedLines(1_000))
  await page.locator(".log").press("PageUp")
  await page.keyboard.press("f")
  await atRest(page)
  expect(await footOf(page)).toBe("Following")
  expect(await isAtEnd(page)).toBe(true)
})
