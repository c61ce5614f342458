import { describe } from "vitest"
import { footOf } from "./support/band.ts"
import { endedLog, numberedLines } from "./support/codexLog.ts"
import type { FakeLooper } from "./support/FakeLooper.ts"
import { isInView, lineOf, wheel } from "./support/LogView.ts"
import { isoAt } from "./support/mockTime.ts"
import { endedRun, newRun } from "./support/runs.ts"
import { show } from "./support/show.ts"
import { states } from "./support/states.ts"
import { runningStatus } from "./support/statuses.ts"
import { expect, type Opened, test } from "./support/test.ts"

const running = "3f9c21ab"
const next = "4a000001"

const openLog = async (looper: FakeLooper, open: (url: string, options: object) => Promise<Opened>, path = "/") => {
  show(looper, { ...states.running, log: numberedLines(1_000) })
  looper.nowMillis = undefined
  const page = await open(looper.url, { path })
  await expect.poll(() => footOf(page)).toBe("Following")
  await expect.poll(() => isInView(page, "line 1000")).toBe(true)
  return page
}

/** The run ends, and another one starts. */
const startNext = (looper: FakeLooper) => {
  looper.runs[0] = endedRun()
  looper.runs.unshift(newRun({ request_id: next, started_at: isoAt("13:53:10") }))
  looper.log(running).finish({ state: "succeeded", return_code: 0, cause: "exited" })
  looper.log(next).append("this is the next run\n")
  looper.status = runningStatus({ request_id: next, started_at: isoAt("13:53:10") })
}

const addressOf = (page: Opened) => page.url().slice(new URL(page.url()).origin.length)
const marked = (page: Opened) => page.locator(".log .l.on > span").allInnerTexts()
const mark = (page: Opened, line: string) => lineOf(page, line).locator("> a").click()
const chip = (page: Opened) => page.getByText(`Run ${next} has started, go to it`)

describe("a line that is marked on a page that follows the newest run", () => {
  for (const [what, follow] of [
    ["f", (page: Opened) => page.keyboard.press("f")],
    ["End", (page: Opened) => page.keyboard.press("End")],
    ["the foot's button", (page: Opened) => page.locator(".foot .fl").click()]
  ] as const) {
    test(`is gone from the view and from the address by ${what}, and the page follows the next run`, async ({
      looper,
      open
    }) => {
      const page = await openLog(looper, open, "/?theme=dark")
      await mark(page, "line 998")
      expect(addressOf(page)).toMatch(/^\/\?theme=dark&run=3f9c21ab#b\d+-\d+$/)
      await follow(page)
      await expect.poll(() => footOf(page)).toBe("Following")
      expect(addressOf(page)).toBe("/?theme=dark")
      expect(await marked(page)).toEqual([])
      startNext(looper)
      await page.getByText("this is the next run").waitFor()
      expect(addressOf(page)).toBe("/?theme=dark")
    })
  }

  test("pins its run, also over a reload, and the next one is offered", async ({ looper, open }) => {
    const page = await openLog(looper, open)
    await mark(page, "line 998")
    const address = addressOf(page)
    startNext(looper)
    await chip(page).waitFor()
    expect(addressOf(page)).toBe(address)
    await page.reload()
    await expect.poll(() => marked(page)).toEqual(["line 998"])
    await chip(page).click()
    await page.getByText("this is the next run").waitFor()
    expect(addressOf(page)).toBe("/")
    await page.goBack()
    await expect.poll(() => marked(page)).toEqual(["line 998"])
    expect(addressOf(page)).toBe(address)
  })

  test("pins its run as long as it is marked, also for who scrolls to the end", async ({ looper, open }) => {
    const page = await openLog(looper, open)
    await mark(page, "line 998")
    await wheel(page, -600)
    await wheel(page, 5_000)
    await expect.poll(() => footOf(page)).toBe("Following")
    expect(await marked(page)).toEqual(["line 998"])
    expect(addressOf(page)).toMatch(/^\/\?run=3f9c21ab#b\d+-\d+$/)
    startNext(looper)
    await chip(page).waitFor()
    await page.keyboard.press("f")
    await page.getByText("this is the next run").waitFor()
    expect(addressOf(page)).toBe("/")
  })
})

test("a run that the address names stays named there when its marked line is left", async ({ looper, open }) => {
  const page = await openLog(looper, open, `/?run=${running}`)
  await mark(page, "line 998")
  expect(addressOf(page)).toMatch(/^\/\?run=3f9c21ab#b\d+-\d+$/)
  await page.keyboard.press("f")
  await expect.poll(() => footOf(page)).toBe("Following")
  expect(addressOf(page)).toBe(`/?run=${running}`)
  startNext(looper)
  await expect.poll(() => footOf(page)).toBe("End of log")
  await page.getByRole("button", { name: "Go to it" }).waitFor()
  expect(addressOf(page)).toBe(`/?run=${running}`)
  expect(await chip(page).count()).toBe(0)
})

test("an error that was gone to is marked in the address, too", async ({ looper, open }) => {
  show(looper, { ...states.idle, log: endedLog(1, ["ERROR: usage limit reached"]) + numberedLines(100) })
  looper.nowMillis = undefined
  const page = await open(looper.url)
  await expect.poll(() => isInView(page, "line 100")).toBe(true)
  await mark(page, "line 99")
  const before = addressOf(page)
  await page.keyboard.press("Shift+E")
  await expect.poll(() => marked(page)).toEqual(["ERROR: usage limit reached"])
  expect(addressOf(page)).toMatch(/^\/\?run=3f9c21ab#b\d+-\d+$|^\/\?run=3f9c21ab#b\d+$/)
  expect(addressOf(page)).not.toBe(before)
})
