import { describe } from "vitest"
import { footOf, logLines, logNumbers } from "./support/band.ts"
import { numberedLines } from "./support/codexLog.ts"
import { FakeLog } from "./support/FakeLog.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { atRest, firstInView, isAtEnd, isInView, wheel } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, type OpenOptions, test } from "./support/test.ts"

/** A live log of numbered lines, followed. */
const follow = async (
  looper: FakeLooper,
  open: (url: string, options?: OpenOptions) => Promise<Opened>,
  lines: number,
  options: OpenOptions = {}
) => {
  show(looper, { ...states.running, log: numberedLines(lines) })
  looper.nowMillis = undefined
  const page = await open(looper.url, options)
  await expect.poll(() => footOf(page)).toBe("Following")
  await expect.poll(() => isInView(page, `line ${lines}`)).toBe(true)
  const log = looper.log("3f9c21ab")
  await expect.poll(() => log.followers).toBe(1)
  return { page, log }
}

const pause = async (page: Opened) => {
  await wheel(page, -900)
  await expect.poll(() => footOf(page)).toBe("Paused by scrolling")
}

const chip = (page: Opened) => page.locator(".chip")

describe("following", () => {
  test("shows what comes, with the file's own line numbers", async ({ looper, open }) => {
    const { page, log } = await follow(looper, open, 3_000)
    // Lines that nobody sees get their elements in later frames.
    await expect.poll(() => logNumbers(page)).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1_001))
    log.append(numberedLines(500, 3_001))
    await expect.poll(() => isInView(page, "line 3500")).toBe(true)
    expect(await isAtEnd(page)).toBe(true)
    await expect
      .poll(() => logLines(page))
      .toEqual(Array.from({ length: 2_500 }, (_, index) => `line ${index + 1_001}`))
    expect((await logNumbers(page)).at(-1)).toBe(3_500)
    expect(await page.locator(".foot").innerText()).toContain("3,500 lines")
  })

  test("draws a line that is not whole yet, and goes on with it", async ({ looper, open }) => {
    const { page, log } = await follow(looper, open, 50)
    log.append("half a l")
    await expect.poll(() => isInView(page, "half a l")).toBe(true)
    log.append("ine, äö")
    log.append(Buffer.from([0xe2, 0x82]))
    log.append(Buffer.from([0xac, 0x0a]))
    log.append("next\n")
    await expect.poll(() => isInView(page, "half a line, äö€")).toBe(true)
    expect((await logLines(page)).slice(-3)).toEqual(["line 50", "half a line, äö€", "next"])
  })

  test("is paused by the wheel: the view stands while lines come, and the chip counts them", async ({
    looper,
    open
  }) => {
    const { page, log } = await follow(looper, open, 1_000)
    await pause(page)
    const seen = await firstInView(page)
    log.append(numberedLines(214, 1_001))
    await expect.poll(() => chip(page).innerText()).toBe("214 new lines, go to end")
    expect(await firstInView(page)).toBe(seen)
    await chip(page).click()
    await expect.poll(() => isInView(page, "line 1214")).toBe(true)
    expect(await footOf(page)).toBe("Following")
    await expect.poll(() => chip(page).count()).toBe(0)
    log.append("after\n")
    await expect.poll(() => isInView(page, "after")).toBe(true)
  })

  test("more than 9,999 new lines are many", async ({ looper, open }) => {
    const { page, log } = await follow(looper, open, 1_000)
    await pause(page)
    const seen = await firstInView(page)
    log.append(numberedLines(30_000, 1_001))
    await expect.poll(() => chip(page).innerText()).toBe("many new lines, go to end")
    expect(await firstInView(page)).toBe(seen)
    await chip(page).click()
    await expect.poll(() => isInView(page, "line 31000")).toBe(true)
    expect(await page.locator(".log .l").count()).toBeLessThanOrEqual(20_100)
  })

  for (const [what, resume] of [
    ["End", (page: Opened) => page.locator(".log").press("End")],
    ["f", (page: Opened) => page.keyboard.press("f")],
    ["G", (page: Opened) => page.keyboard.press("Shift+G")],
    ["the foot's button", (page: Opened) => page.locator(".foot .fl").click()],
    ["the wheel at the end", (page: Opened) => wheel(page, 5_000)]
  ] as const) {
    test(`is resumed by ${what}`, async ({ looper, open }) => {
      const { page, log } = await follow(looper, open, 1_000)
      await pause(page)
      await resume(page)
      await expect.poll(() => footOf(page)).toBe("Following")
      log.append("after\n")
      await expect.poll(() => isInView(page, "after")).toBe(true)
    })
  }

  test("is paused by PageUp and by f", async ({ looper, open }) => {
    const { page } = await follow(looper, open, 1_000)
    await page.locator(".log").press("PageUp")
    await expect.poll(() => footOf(page)).toMatch(/^Paused/)
    await atRest(page)
    await page.keyboard.press("f")
    await expect.poll(() => footOf(page)).toBe("Following")
    await page.keyboard.press("f")
    await expect.poll(() => footOf(page)).toMatch(/^Paused/)
  })
})

/** What is no word about following, whatever is on. */
const neutral = {
  "wrapping lines": (page: Opened) => page.getByRole("button", { name: "Wrap" }).click(),
  "another size": (page: Opened) => page.setViewportSize({ width: 1_000, height: 500 }),
  "another theme": (page: Opened) => page.emulateMedia({ colorScheme: "dark" }),
  "selected text": (page: Opened) =>
    page.locator(".log").evaluate((log) => {
      const lines = log.querySelectorAll(".l > span")
      const [first, last] = [lines[lines.length - 6], lines[lines.length - 2]]
      if (first !== undefined && last !== undefined) getSelection()?.setBaseAndExtent(first, 0, last, 1)
    })
} as const

describe("who follows goes on following, and who reads goes on reading, through", () => {
  for (const [what, change] of Object.entries(neutral)) {
    test(what, async ({ looper, open }) => {
      const { page, log } = await follow(looper, open, 1_000)
      await change(page)
      log.append("first\n")
      await expect.poll(() => isInView(page, "first")).toBe(true)
      expect(await footOf(page)).toBe("Following")
      await pause(page)
      await change(page)
      log.append(numberedLines(10, 2_001))
      await expect.poll(() => chip(page).innerText()).toBe("10 new lines, go to end")
      expect(await footOf(page)).toBe("Paused by scrolling")
      expect(await isInView(page, "line 2010")).toBe(false)
    })
  }

  test("a connection that breaks", async ({ looper, open }) => {
    const { page, log } = await follow(looper, open, 1_000)
    log.breakOff()
    log.append("written meanwhile\n")
    await expect.poll(() => isInView(page, "written meanwhile"), { timeout: 10_000 }).toBe(true)
    expect(await footOf(page)).toBe("Following")
    await pause(page)
    const seen = await firstInView(page)
    log.breakOff()
    log.append(numberedLines(5, 2_001))
    await expect.poll(() => chip(page).innerText(), { timeout: 10_000 }).toBe("5 new lines, go to end")
    expect(await firstInView(page)).toBe(seen)
    await expect
      .poll(() => logLines(page))
      .toEqual([
        ...Array.from({ length: 1_000 }, (_, index) => `line ${index + 1}`),
        "written meanwhile",
        ...Array.from({ length: 5 }, (_, index) => `line ${2_001 + index}`)
      ])
  })
})

test("the stream goes on at the byte where it broke off, without gap or repeat, however often", async ({
  looper,
  open
}) => {
  const { page, log } = await follow(looper, open, 10)
  for (let round = 0; round < 4; round++) {
    // In the middle of a line, and of a code point.
    log.append(`round ${round} ä`)
    log.append(Buffer.from([0xf0, 0x9f]))
    await expect.poll(() => log.followers).toBe(1)
    log.breakOff()
    log.append(Buffer.from([0x98, 0x80]))
    log.append(" goes on\n")
    await expect.poll(() => isInView(page, `round ${round} ä😀 goes on`), { timeout: 20_000 }).toBe(true)
  }
  await expect.poll(() => logLines(page)).toEqual(log.bytes.toString().trimEnd().split("\n"))
})

test("a log that is another one all at once is read anew, from its last lines", async ({ looper, open }) => {
  const { page, log } = await follow(looper, open, 100)
  const other = new FakeLog("another log\n")
  looper.logs.set("3f9c21ab", other)
  log.say('id: 99999\ndata: {"text":"not here\\n"}\n\n')
  await expect.poll(() => logLines(page), { timeout: 20_000 }).toEqual(["another log"])
  other.append("goes on\n")
  await expect.poll(() => logLines(page)).toEqual(["another log", "goes on"])
  expect(await footOf(page)).toBe("Following")
})

test("the run's end ends following", async ({ looper, open }) => {
  const { page, log } = await follow(looper, open, 100)
  log.append("\n# codex_exec_return_code=0\n")
  log.finish({ state: "succeeded", return_code: 0, cause: "exited" })
  await expect.poll(() => footOf(page)).toBe("End of log")
  expect(log.followers).toBe(0)
})

test("a hidden page lets its connection go and takes it up again where it was", async ({ looper, open }) => {
  const { page, log } = await follow(looper, open, 100, {
    // Half a minute is a fifth of a second.
    before: () => {
      const wait = globalThis.setTimeout
      const soon = (act: () => void, millis = 0) => wait(act, millis === 30_000 ? 200 : millis)
      Object.assign(globalThis, { setTimeout: soon })
    }
  })
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { get: () => "hidden", configurable: true })
    Object.defineProperty(document, "hidden", { get: () => true, configurable: true })
    document.dispatchEvent(new Event("visibilitychange"))
  })
  await expect.poll(() => log.followers).toBe(0)
  log.append("while nobody looked\n")
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { get: () => "visible", configurable: true })
    Object.defineProperty(document, "hidden", { get: () => false, configurable: true })
    document.dispatchEvent(new Event("visibilitychange"))
  })
  await expect.poll(() => isInView(page, "while nobody looked")).toBe(true)
  expect(await footOf(page)).toBe("Following")
})
