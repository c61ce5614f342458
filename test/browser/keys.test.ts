import { beforeEach, describe } from "vitest"
import { footOf } from "./support/band.ts"
import { numberedLines } from "./support/codexLog.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { atRest, isInView } from "./support/LogView.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { expect, type Opened, test } from "./support/test.ts"

beforeEach<{ looper: FakeLooper }>(({ looper }) => {
  show(looper, { ...states.running, log: numberedLines(1_000) })
  looper.nowMillis = undefined
})

const ready = async (page: Opened): Promise<Opened> => {
  await expect.poll(() => footOf(page)).toBe("Following")
  await expect.poll(() => isInView(page, "line 1000")).toBe(true)
  return page
}

test("? lists the keys, and the list is closed by Escape", async ({ looper, open }) => {
  const page = await ready(await open(looper.url))
  await page.keyboard.press("?")
  const dialog = page.getByRole("dialog")
  await dialog.waitFor()
  const text = await dialog.innerText()
  for (const key of ["?", "s", "x", "/", "n", "N", "f", "g", "G", "e", "E", "[", "]", "w", "y", "j", "k", "Esc"]) {
    expect(await dialog.locator("kbd").allInnerTexts(), `the list names ${key}: ${text}`).toContain(key)
  }
  await page.keyboard.press("Escape")
  await dialog.waitFor({ state: "hidden" })
})

test("each key does what the list says", async ({ looper, open }) => {
  const page = await ready(await open(looper.url))
  const dialog = page.getByRole("dialog")
  await page.keyboard.press("s")
  await dialog.getByRole("tab", { name: "Start a run" }).waitFor()
  await page.keyboard.press("Escape")
  await dialog.waitFor({ state: "hidden" })
  const wrap = page.getByRole("button", { name: "Wrap" })
  const wrapped = await wrap.getAttribute("aria-pressed")
  await page.keyboard.press("w")
  await expect.poll(() => wrap.getAttribute("aria-pressed")).not.toBe(wrapped)
  await page.locator(".log").focus()
  await page.keyboard.press("g")
  await expect.poll(() => isInView(page, "line 1")).toBe(true)
  await page.keyboard.press("Shift+G")
  await expect.poll(() => isInView(page, "line 1000")).toBe(true)
  await page.keyboard.press("f")
  await expect.poll(() => footOf(page)).toMatch(/^Paused/)
  await page.keyboard.press("y")
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("/?run=3f9c21ab")
  await page.keyboard.press("/")
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("type"))).toBe("search")
})

const scrollTop = (page: Opened) => page.locator(".log").evaluate((log) => log.scrollTop)

describe("where nothing has the focus, the log hears", () => {
  test("PageUp, which pauses, and End, which follows again", async ({ looper, open }) => {
    const page = await ready(await open(looper.url))
    const end = await scrollTop(page)
    expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true)
    await page.keyboard.press("PageUp")
    await expect.poll(() => footOf(page)).toBe("Paused by scrolling")
    await atRest(page)
    expect(await scrollTop(page)).toBeLessThan(end - 200)
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await page.keyboard.press("End")
    await expect.poll(() => footOf(page)).toBe("Following")
    expect(await isInView(page, "line 1000")).toBe(true)
  })

  for (const key of ["Home", "ArrowUp"]) {
    test(`${key}, also while lines come`, async ({ looper, open }) => {
      const page = await ready(await open(looper.url))
      await expect.poll(() => looper.log("3f9c21ab").followers).toBe(1)
      const end = await scrollTop(page)
      await page.keyboard.press(key)
      looper.log("3f9c21ab").append("one more\n")
      await expect.poll(() => footOf(page)).toBe("Paused by scrolling")
      await atRest(page)
      expect(await scrollTop(page)).toBeLessThan(end)
      await page.locator(".chip").waitFor()
    })
  }

  test("the same where letters are switched off", async ({ looper, open }) => {
    const page = await open(looper.url, { before: () => localStorage.setItem("looper.settings", '{"hasKeys":false}') })
    await ready(page)
    await page.keyboard.press("PageUp")
    await expect.poll(() => footOf(page)).toBe("Paused by scrolling")
  })

  test("but not from a dialog, a button or the history", async ({ looper, open }) => {
    const page = await ready(await open(looper.url))
    await page.getByRole("button", { name: "Stop", exact: true }).focus()
    await page.keyboard.press("PageUp")
    await page.locator(".list .r").first().focus()
    await page.keyboard.press("PageUp")
    await page.keyboard.press("?")
    await page.getByRole("dialog").waitFor()
    await page.keyboard.press("PageUp")
    await page.keyboard.press("Escape")
    await page.getByRole("dialog").waitFor({ state: "hidden" })
    expect(await footOf(page)).toBe("Following")
  })
})

test("g after j asks where to go; elsewhere it is the log's top", async ({ looper, open }) => {
  const page = await ready(await open(looper.url))
  const dialog = page.getByRole("dialog")
  await page.keyboard.press("g")
  await expect.poll(() => isInView(page, "line 1")).toBe(true)
  expect(await dialog.count()).toBe(0)
  await page.keyboard.press("j")
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute("href")))
    .toContain(looper.runs[1]!.request_id)
  await page.keyboard.press("g")
  await dialog.getByRole("heading", { name: "Go to a run" }).waitFor()
})

test("g from the history asks where to go: an id, or a date", async ({ looper, open }) => {
  const page = await ready(await open(looper.url))
  const target = looper.runs[30]!
  looper.log(target.request_id).append("the thirtieth\n")
  await page.locator(".list .r").first().focus()
  await page.keyboard.press("g")
  const input = page.locator("input:focus")
  await input.fill(target.request_id.slice(0, 12))
  await input.press("Enter")
  await page.getByText("the thirtieth").waitFor()
})

describe("no key acts", () => {
  test("in a field", async ({ looper, open }) => {
    const page = await ready(await open(looper.url))
    await page.keyboard.press("/")
    await page.keyboard.type("sxwfgjk?")
    expect(await page.locator("input[type=search]").inputValue()).toBe("sxwfgjk?")
    expect(await page.getByRole("dialog").count()).toBe(0)
    expect(await page.getByRole("button", { name: "Stop 3f9c21ab" }).count()).toBe(0)
  })

  test("with a modifier, or while a dialog is open", async ({ looper, open }) => {
    const page = await ready(await open(looper.url))
    await page.keyboard.press("Control+x")
    await page.keyboard.press("Alt+x")
    await page.keyboard.press("?")
    await page.getByRole("dialog").waitFor()
    await page.keyboard.press("x")
    await page.keyboard.press("s")
    expect(await page.getByRole("dialog").count()).toBe(1)
    await page.keyboard.press("Escape")
    expect(await page.getByRole("button", { name: "Stop 3f9c21ab" }).count()).toBe(0)
  })

  test("where single letters are switched off, also after a reload", async ({ looper, open }) => {
    const page = await ready(await open(looper.url))
    await page.getByText("Keys", { exact: true }).click()
    const dialog = page.getByRole("dialog")
    await dialog.getByRole("checkbox").first().click()
    await page.keyboard.press("Escape")
    await dialog.waitFor({ state: "hidden" })
    await page.reload()
    await ready(page)
    await page.keyboard.press("x")
    await page.keyboard.press("s")
    await page.keyboard.press("w")
    expect(await dialog.count()).toBe(0)
    expect(await page.getByRole("button", { name: "Stop 3f9c21ab" }).count()).toBe(0)
  })
})

test("start, find, copy of a link and stop need no mouse, by Tab and Enter alone", async ({ looper, open }) => {
  looper.answer(({ method, path, body }) => {
    if (method !== "POST" || body?.dry_run === true) return undefined
    const pids = { killed_codex_exec_pids: [48_213], remaining_codex_exec_pids: [] }
    return path.endsWith("/stop")
      ? { body: { ok: true, request_id: "3f9c21ab", outcome: "stopped", ...pids } }
      : { body: { ok: true, request_id: "b81e04d7", codex_exec_started: true, codex_exec_result: null, ...pids } }
  })
  const page = await ready(await open(looper.url))
  const focused = () =>
    page.evaluate(() => {
      const { activeElement: element } = document
      return element?.getAttribute("aria-label") ?? element?.textContent?.trim() ?? ""
    })
  /** Tabs until that is focused; each stop on the way shows its focus. */
  const tabTo = async (name: string | RegExp) => {
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab")
      const now = await focused()
      if (typeof name === "string" ? now === name : name.test(now)) return
    }
    throw new Error(`Tab never came to ${name}`)
  }
  await tabTo("Start…")
  await page.keyboard.press("Enter")
  await page.getByRole("dialog").waitFor()
  await tabTo("Stop it and start")
  await page.keyboard.press("Enter")
  await expect.poll(() => looper.of("POST /spawn").length).toBe(1)
  await page.getByRole("dialog").waitFor({ state: "hidden" })
  await tabTo("Find in log")
  await page.keyboard.type("line 77")
  await page.keyboard.press("Enter")
  await expect.poll(() => page.locator(".find .n").innerText()).toMatch(/of 11$/)
  await tabTo("Copy link")
  await page.keyboard.press("Enter")
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("run=3f9c21ab")
  await page.keyboard.press("Shift+Tab")
  for (let step = 0; step < 60 && (await focused()) !== "Stop"; step++) await page.keyboard.press("Shift+Tab")
  expect(await focused()).toBe("Stop")
  await page.keyboard.press("Enter")
  await expect.poll(focused).toBe("Stop 3f9c21ab")
  await expect
    .poll(async () => {
      await page.keyboard.press("Enter")
      return looper.of("POST /runs/3f9c21ab/stop").length
    })
    .toBe(1)
})
